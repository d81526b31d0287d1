"""Publications of recipes."""

import dataclasses

DATASETS = {"CIFAR-10": (50_000, 10), "ImageNet-1k": (1_281_167, 1_000)}
"""Training images and classes of the data sets on which recipes were published."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Publication that a recipe comes from.

    Args:
        title: Title.
        authors: Authors in BibTeX format.
        year: Year of publication.
        arxiv: arXiv identifier, if the publication is on arXiv.
        url: URL, if it is not.
    """

    title: str
    authors: str
    year: int
    arxiv: str = ""
    url: str = ""

    def __str__(self) -> str:
        """Returns the arXiv identifier or the host of the URL.

        Example:
            >>> str(Source("A title", "Author, An", 2021, "2110.00476"))
            'arXiv 2110.00476'
        """
        return f"arXiv {self.arxiv}" if self.arxiv else self.url.split("/")[2]

    def bibtex(self) -> str:
        """Returns the BibTeX entry.

        Example:
            >>> Source("A title", "Author, An", 2021, "2110.00476").bibtex().splitlines()[0]
            '@article{arxiv:2110.00476,'
        """
        lines = [
            f"  title = {{{self.title}}},",
            f"  author = {{{self.authors}}},",
            f"  year = {{{self.year}}},",
        ]
        if self.arxiv:
            head = f"@article{{arxiv:{self.arxiv},"
            lines.append(f"  journal = {{arXiv preprint arXiv:{self.arxiv}}}")
        else:
            head = f"@misc{{{self.authors.split(',')[0].lower()}{self.year},"
            lines.append(f"  howpublished = {{\\url{{{self.url}}}}}")
        lines = [head, *lines, "}"]
        return "\n".join(lines)
