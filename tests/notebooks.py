"""Builds the notebooks in examples/notebooks from the scripts next to them; edit the scripts.

python -m tests.notebooks
"""

from pathlib import Path

import jupytext
import nbformat

# Begins the cell whose metadata name extras. Once the package is released, pip installs its name.
INSTALL = """import subprocess
import sys
from pathlib import Path

if "google.colab" in sys.modules:
    # The package is not released yet: upload the wheel that `make dist` builds to /content first.
    (wheel,) = Path("/content").glob("keras_resnet_recipes-*.whl")
    package = f"{wheel}[EXTRAS]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package], check=True)

"""
FOLDER = Path(__file__).parents[1] / "examples" / "notebooks"
# Colab opens these with a GPU.
GPU = ("02_your_own_photos", "03_ingredients", "04_speed_run", "05_several_gpus", "06_jax")


def scripts() -> list[Path]:
    """Returns the scripts, in order."""
    return sorted(FOLDER.glob("*.py"))


def notebook(script: Path) -> str:
    """Returns the text of a script's notebook, without outputs and reproducible."""
    built = jupytext.reads(script.read_text(), fmt="py:percent")
    for number, cell in enumerate(built.cells):
        if extras := cell.metadata.get("extras"):
            cell.source = INSTALL.replace("EXTRAS", extras) + cell.source
        # The random ids of jupytext would differ every time.
        cell.id, cell.metadata = f"cell-{number}", {}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    built.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    if script.stem in GPU:
        built.metadata |= {"accelerator": "GPU"}
    return nbformat.writes(built, version=4) + "\n"


if __name__ == "__main__":
    for script in scripts():
        script.with_suffix(".ipynb").write_text(notebook(script))
        print(script.with_suffix(".ipynb").name)
