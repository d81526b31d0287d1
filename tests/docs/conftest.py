"""Excludes files that need mkdocs or griffe, which may not be installed."""

collect_ignore = ["build.py", "extension.py"]
