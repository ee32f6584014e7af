"""Where evidence comes from: files of this machine (`folder`), a log's server (`http`).

This is the part of the package that does I/O for everybody else. What cannot be had is an `UncheckableError`, what is
had but not of its form is a `MalformedError`; nothing here verifies anything.
"""
