"""What griffe is told, which reads the docstrings for the site."""

import griffe

from tests.docs.sessions import fenced


class Sessions(griffe.Extension):
    """Makes blocks of code of the sessions in all docstrings."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Change the docstring of one object, if it has one."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
