"""Makes the notebooks in examples/notebooks of the scripts beside them, which are what is edited.

python -m tests.notebooks
"""

from pathlib import Path

import jupytext
import nbformat

FOLDER = Path(__file__).parents[1] / "examples" / "notebooks"
# What Colab is asked for when it opens one of these.
GPU = ("02_your_own_photos", "03_ingredients", "04_speed_run", "05_several_gpus", "06_jax")


def scripts() -> list[Path]:
    """The scripts, in their order."""
    return sorted(FOLDER.glob("*.py"))


def notebook(script: Path) -> str:
    """The text of a script's notebook: no outputs, and the same whenever it is made."""
    made = jupytext.reads(script.read_text(), fmt="py:percent")
    for number, cell in enumerate(made.cells):
        # The random ones that it gives would differ every time.
        cell.id, cell.metadata = f"cell-{number}", {}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    if script.stem in GPU:
        made.metadata |= {"accelerator": "GPU"}
    return nbformat.writes(made, version=4) + "\n"


if __name__ == "__main__":
    for script in scripts():
        script.with_suffix(".ipynb").write_text(notebook(script))
        print(script.with_suffix(".ipynb").name)
