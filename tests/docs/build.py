"""mkdocs hooks: generate pages while the site is built, and check the finished site."""

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tests.docs import api, documents, figures, links, values


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the API pages, pages for linked files outside docs/, and the figures."""
    generated = {**api.pages(), **links.pages(), **figures.pages()}
    for path, content in generated.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Fills in the recipes' values and redirects links to repository files to their pages."""
    return links.within_site(values.with_tables(markdown), page.file.src_uri)


def on_post_build(config: MkDocsConfig) -> None:
    """Fails if a public name is missing from the site or a page loads an external resource."""
    site = Path(config.site_dir)
    found = {path: documents.Document(path.read_text()) for path in site.rglob("*.html")}
    reference = [document for path, document in found.items() if path.parent == site / "api"]
    if missing := documents.missing(api.names(), reference):
        raise PluginError("Public names without a page: " + ", ".join(missing))
    for path, document in found.items():
        if document.outside:
            raise PluginError(f"{path} loads {', '.join(document.outside)}")
