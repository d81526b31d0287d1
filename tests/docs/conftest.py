"""What mkdocs and griffe import need not be importable without them."""

collect_ignore = ["build.py", "extension.py"]
