"""Computes the ReaL accuracy of a run on ImageNet's validation images (Beyer et al., arXiv 2006.07159).

    python examples/real_labels.py RUN IMAGES real.json

RUN is a run folder, IMAGES a folder of files ILSVRC2012_val_00000001.JPEG and so on, in subfolders or not. real.json is
a list, in the order of these numbers, of lists of class indices. A prediction is correct if the most probable class is
in the list of the image. Images without labels are not counted.
"""

import argparse
import json
import re
from pathlib import Path

import keras_resnet_recipes as krr


def main(arguments: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="run folder")
    parser.add_argument("images", help="folder of ILSVRC2012_val_XXXXXXXX.JPEG files")
    parser.add_argument("labels", help="real.json")
    parser.add_argument("--batch-size", type=int, default=32)
    options = parser.parse_args(arguments)
    labels = json.loads(Path(options.labels).read_text())
    model, recipe = krr.load_run(options.run), krr.load_recipe(options.run)
    correct = counted = 0
    # Only indices are compared; the names of the training folders do not matter.
    names = [str(index) for index in range(model.output_shape[-1])]
    for prediction in recipe.predict(
        model, [options.images], top=1, class_names=names, batch_size=options.batch_size
    ):
        answers = labels_of(prediction.path, labels)
        if prediction.error is not None:
            print(f"{prediction.path} cannot be read: {prediction.error}")
        elif answers:
            counted += 1
            correct += prediction.labels[0][0] in answers
    if not counted:
        raise SystemExit(f"no image in {options.images} has labels in {options.labels}")
    print(f"ReaL accuracy {correct / counted:.4f} on {counted} images")
    return correct / counted


def labels_of(path: str, labels: list[list[int]]) -> list[int]:
    """Returns the labels of the image with the number in the file name."""
    match = re.search(r"_val_(\d{8})(?!\d)", Path(path).name)
    number = int(match[1]) if match else 0
    if not 1 <= number <= len(labels):
        raise SystemExit(
            f"Image files must be named ILSVRC2012_val_00000001 to {len(labels):08}. Received: {path}"
        )
    return labels[number - 1]


if __name__ == "__main__":
    main()
