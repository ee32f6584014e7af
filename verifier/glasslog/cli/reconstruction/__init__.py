"""What `glasslog reconstruct` writes: `document` is the JSON, and `page` the HTML, which says what the JSON says."""

from glasslog.cli.reconstruction.document import document_of
from glasslog.cli.reconstruction.page import page_of

__all__ = ["document_of", "page_of"]
