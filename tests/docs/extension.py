"""griffe extension for the docstrings of the site."""

import griffe

from tests.docs.sessions import fenced


class Sessions(griffe.Extension):
    """Turns interpreter sessions in docstrings into code blocks."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Rewrites the docstring of an object, if it has one."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
