"""Report sections with images: augmented training images, and those that the model predicts worst."""

import base64
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import simplejpeg

from keras_resnet_recipes import training
from keras_resnet_recipes.augment import CenterCrop
from keras_resnet_recipes.evaluation import ClassActivationMaps, Verdict, examine
from keras_resnet_recipes.evaluation.accuracy import evaluate
from keras_resnet_recipes.evaluation.class_maps import framed, thumbnail
from keras_resnet_recipes.input_pipeline.evaluation import center_crop
from keras_resnet_recipes.preview import preview
from keras_resnet_recipes.report.classes import classes
from keras_resnet_recipes.report.folder import Run
from keras_resnet_recipes.report.markup import Markup, element, table
from keras_resnet_recipes.report.page import percent, section
from keras_resnet_recipes.runs.checkpoints import BEST

# Pixels on the longer side of an image on the page; twice as many are stored, for sharp screens.
_THUMBNAIL = 160
_ROWS, _COLUMNS = 3, 8
# Images with the largest losses.
_WORST = 24


def samples(run: Run, train_data: Any) -> Markup:
    """Returns a section with augmented training images.

    Args:
        run: The run.
        train_data: As for `Recipe.fit`.

    Raises:
        ValueError: If the data is invalid.
    """
    seed = run.facts.get("seed", 0)
    images = preview(run.recipe, train_data, rows=_ROWS, columns=_COLUMNS, seed=seed)
    figures = [element("figure", _image(image, "")) for row in images for image in row]
    note = f"Inputs of the network in training, in batches of {_COLUMNS}."
    return section("Training images", element("p", note), element("div", *figures, class_="images"))


def mistakes(run: Run, data: Any, weights: str | None = None) -> list[Markup]:
    """Returns sections with the images of the largest losses, and the figures of the classes.

    Images with several labels have no confusions; their section has the metrics alone.

    Args:
        run: The run, with weights.
        data: Validation data, as for `Recipe.evaluate`.
        weights: "best" or "last"; by default the best if saved.

    Raises:
        ValueError: If there are no such weights, or the data is invalid.
    """
    model = training.load_run(run.path, weights)
    which = weights or ("best" if (run.path / BEST).is_file() else "last")
    if run.multi_label:
        found = evaluate(run.recipe, model, data, verbose=0)
        metrics = [(title, percent(found[name])) for name, title in run.scores.items()]
        text = f"With the {which} weights, on {found['images']} images."
        return [section("Evaluation", element("p", text), table(("", ""), *metrics))]
    examination = examine(run.recipe.replace(test_views="one"), model, data, worst=_WORST)
    summary = (
        f"With the {which} weights, {percent(examination.top1)} of {examination.images} images of "
        f"{examination.dataset} are classified correctly."
    )
    maps, note = _class_maps(model, examination.worst)
    # With the data on the device, the network sees whole images.
    crop = None if run.recipe.data_on_device else center_crop(run.recipe)
    figures = [
        _verdict(verdict, examination.class_names, crop, class_map)
        for verdict, class_map in zip(examination.worst, maps, strict=True)
    ]
    worst = section(
        "Images with the largest losses",
        element("p", summary),
        element("p", note, class_="soft"),
        element("div", *figures, class_="worst"),
    )
    return [worst, classes(examination)]


def _class_maps(
    model: keras.Model, verdicts: Sequence[Verdict]
) -> tuple[Sequence[np.ndarray | None], str]:
    """Returns a class activation map of the predicted class for each verdict, if the network has them, and a note."""
    framed = "The frame is the crop that the network sees."
    try:
        find = ClassActivationMaps(model)
    except ValueError:
        return [None] * len(verdicts), framed
    images = np.stack([verdict.image for verdict in verdicts])
    _, maps = find(images, np.array([verdict.predicted for verdict in verdicts]))
    return maps, (
        f"{framed} On the right, the class activation map of the predicted class: the evidence for it is largest where "
        "the image is pale yellow, smallest where it is black."
    )


def _verdict(
    verdict: Verdict, names: Sequence[str], crop: CenterCrop | None, class_map: np.ndarray | None
) -> Markup:
    correct = verdict.label == verdict.predicted
    caption = element(
        "figcaption",
        element("b", names[verdict.label]),
        element("br"),
        "correct" if correct else f"predicted {names[verdict.predicted]}",
        f", {verdict.probability:.0%}, loss {verdict.loss:.3g}",
        element("br"),
        element("span", _last_parts(verdict.name), class_="soft"),
    )
    whole = verdict.original
    if whole is None:
        whole, crop = thumbnail(verdict.image, 2 * _THUMBNAIL), None
    images = [_image(framed(whole, crop), names[verdict.label], _THUMBNAIL)]
    if class_map is not None:
        text = f"class activation map of {names[verdict.predicted]}"
        images.append(_image(framed(whole, crop, class_map), text, _THUMBNAIL))
    return element("figure", element("div", *images, class_="pair"), caption)


def _image(pixels: np.ndarray, text: str, longer_side: int | None = None) -> Markup:
    encoded = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=85)
    source = "data:image/jpeg;base64," + base64.b64encode(encoded).decode()
    sizes = {}
    if longer_side is not None:
        height, width = (round(side * longer_side / max(pixels.shape)) for side in pixels.shape[:2])
        sizes = {"width": width, "height": height}
    return element("img", src=source, alt=text, **sizes)


def _last_parts(name: str) -> str:
    """Returns the last two components of a path, which fit below an image."""
    return "/".join(name.replace("\\", "/").split("/")[-2:])
