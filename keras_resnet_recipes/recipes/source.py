"""Where a recipe was published."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Source:
    """A paper, as a recipe names and cites it.

    Args:
        title: Title of the paper.
        authors: Authors, as BibTeX writes them.
        year: Year of publication.
        arxiv: arXiv identifier.
    """

    title: str
    authors: str
    year: int
    arxiv: str

    def bibtex(self) -> str:
        """The BibTeX entry.

        >>> Source("A title", "Author, An", 2021, "2110.00476").bibtex().splitlines()[0]
        '@article{arxiv:2110.00476,'
        """
        lines = [
            f"@article{{arxiv:{self.arxiv},",
            f"  title = {{{self.title}}},",
            f"  author = {{{self.authors}}},",
            f"  journal = {{arXiv preprint arXiv:{self.arxiv}}},",
            f"  year = {{{self.year}}}",
            "}",
        ]
        return "\n".join(lines)
