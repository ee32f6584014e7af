"""Run `python -m glasslog_server` as `glasslog-server`."""

from glasslog_server.cli import main

if __name__ == "__main__":
    main()
