"""Trains a small detection head on the features of a ResNet, on synthetic images.

    python examples/detection.py [--network ResNet10T] [--weights FILE] [--plot out.png]

Nothing is downloaded; it takes minutes on one core. The objects are disks; squares and triangles of any color are
distractors. An object is a peak in a heatmap of centers and a box size at the peak, as in "Objects as Points"
(arXiv:1904.07850).
"""

import argparse

import keras
import numpy as np

import keras_resnet_recipes as krr

STRIDE = 4


def main(arguments: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="ResNet10T", help="any ImageNet network")
    parser.add_argument("--weights", help="initial weights; default: random")
    parser.add_argument("--size", type=int, default=64, help="side of the images, a multiple of 32")
    parser.add_argument("--images", type=int, default=3200, help="number of training images")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--plot", help="image file to write with results")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(0)
    train, train_boxes = draw_images(rng, options.images, options.size)
    test, test_boxes = draw_images(rng, max(8, options.images // 16), options.size)
    targets = np.stack([target(boxes, options.size) for boxes in train_boxes])

    keras.utils.set_random_seed(0)
    network = getattr(krr.applications, options.network)
    backbone = network(options.weights, include_top=False)
    model = detector(krr.applications.stages(backbone))
    steps = options.epochs * -(-options.images // 8)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(optimizer=keras.optimizers.AdamW(rate), loss=center_loss)
    model.fit(train, targets, batch_size=8, epochs=options.epochs, verbose=2)

    found = [peaks(output) for output in model.predict(test, verbose=0)]
    precision = average_precision(found, test_boxes)
    print(f"AP at IoU 0.5: {precision:.3f} on {len(test)} held-out images, ", end="")
    print(f"{sum(map(len, test_boxes))} disks")
    if options.plot:
        sheet = [frame(test[index], test_boxes[index], found[index]) for index in range(8)]
        keras.utils.save_img(options.plot, np.concatenate(sheet, axis=1), scale=False)
    return precision


def detector(features: keras.Model, channels: int = 64) -> keras.Model:
    """Returns a model with, per cell of 4x4 pixels, the logit of a center, its offset, and the box size."""
    images = keras.Input((None, None, 3), name="images")
    maps = features(images)
    x = keras.layers.Conv2D(channels, 1, name="lateral32")(maps["stride32"])
    for stride in (16, 8, 4):
        lateral = keras.layers.Conv2D(channels, 1, name=f"lateral{stride}")
        up = keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"up{stride}")
        x = keras.layers.Add(name=f"sum{stride}")([up(x), lateral(maps[f"stride{stride}"])])
    x = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False, name="smooth")(x)
    x = keras.layers.ReLU(name="relu")(keras.layers.BatchNormalization(momentum=0.9, name="bn")(x))
    # Centers are rare: the initial probability is 1 %.
    bias = keras.initializers.Constant(-4.6)
    center = keras.layers.Conv2D(1, 1, bias_initializer=bias, dtype="float32", name="center")(x)
    box = keras.layers.Conv2D(4, 1, dtype="float32", name="box")(x)
    return keras.Model(images, keras.layers.Concatenate(name="objects")([center, box]))


def center_loss(targets: keras.KerasTensor, outputs: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the focal loss of centers, reduced near centers, plus the L1 loss of boxes at centers."""
    ops = keras.ops
    heat, boxes = targets[..., 0], targets[..., 1:]
    centers = ops.cast(heat == 1, "float32")
    hit, miss = ops.sigmoid(outputs[..., 0]), ops.sigmoid(-outputs[..., 0])
    positive = centers * miss**2 * ops.softplus(-outputs[..., 0])
    negative = (1 - heat) ** 4 * hit**2 * ops.softplus(outputs[..., 0])
    distance = centers * ops.sum(ops.abs(outputs[..., 1:] - boxes), axis=-1)
    number = ops.maximum(ops.sum(centers), 1.0)
    # One value per image, whose mean over the batch is the sum divided by the number of objects.
    loss = ops.sum(positive + negative + 0.5 * distance, axis=(1, 2)) / number
    return loss * ops.cast(ops.shape(heat)[0], "float32")


def target(boxes: np.ndarray, size: int) -> np.ndarray:
    """Returns the heatmap of centers (1 at a center, less around), the center offsets and box sizes, in cells."""
    cells = size // STRIDE
    y, x = np.mgrid[:cells, :cells]
    result = np.zeros((cells, cells, 5), "float32")
    for left, top, right, bottom in boxes / STRIDE:
        center_x, center_y = (left + right) / 2, (top + bottom) / 2
        column, row = int(center_x), int(center_y)
        width = (right - left) / 6
        around = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * width**2))
        result[..., 0] = np.maximum(result[..., 0], around)
        result[row, column, 1:] = center_x - column, center_y - row, right - left, bottom - top
    return result


def peaks(output: np.ndarray, least: float = 0.1) -> np.ndarray:
    """Returns `(score, left, top, right, bottom)` of every cell with a locally maximal score."""
    scores = 1 / (1 + np.exp(-output[..., 0]))
    padded = np.pad(scores, 1)
    rows, columns = scores.shape
    around = [padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    row, column = np.nonzero((scores == np.max(around, axis=0)) & (scores >= least))
    offset_x, offset_y, width, height = output[row, column, 1:].T
    x, y = column + offset_x, row + offset_y
    corners = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    return np.stack([scores[row, column], *(STRIDE * np.array(corners))], axis=1)


def average_precision(found: list[np.ndarray], boxes: list[np.ndarray]) -> float:
    """Returns the area under the precision-recall curve at an IoU of 0.5; each box matches at most once."""
    candidates = [(row[0], index, row[1:]) for index, rows in enumerate(found) for row in rows]
    unmatched = [list(image_boxes) for image_boxes in boxes]
    correct = []
    for _, index, box in sorted(candidates, key=lambda candidate: -candidate[0]):
        overlaps = [iou(box, other) for other in unmatched[index]]
        correct.append(bool(overlaps) and max(overlaps) >= 0.5)
        if correct[-1]:
            del unmatched[index][int(np.argmax(overlaps))]
    hits = np.cumsum(correct)
    precision = hits / np.arange(1, len(correct) + 1)
    # The best precision at the same or a higher recall.
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[np.array(correct, bool)].sum() / sum(map(len, boxes)))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    intersection = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return intersection / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - intersection)


def draw_images(
    rng: np.random.Generator, number: int, size: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Returns `number` uint8 images, and per image the `(left, top, right, bottom)` of its disks in pixels."""
    images, boxes = zip(*(draw_image(rng, size) for _ in range(number)), strict=True)
    return np.stack(images), list(boxes)


def draw_image(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:size, :size] + 0.5
    image = rng.uniform(40, 216, 3) + rng.normal(0, 12, (size, size, 3))
    boxes = []
    # At most one shape per quarter of the image, so that shapes do not overlap.
    for quarter in range(4):
        kind, radius = rng.integers(4), size * rng.uniform(0.1, 0.22)
        margin = rng.uniform(radius, size / 2 - radius, 2)
        center_x, center_y = margin + size / 2 * np.array([quarter % 2, quarter // 2])
        dx, dy = x - center_x, y - center_y
        inside = [
            np.zeros_like(dx, bool),
            np.maximum(abs(dx), abs(dy)) <= radius,
            (dy <= radius) & (2 * abs(dx) <= dy + radius),
            dx**2 + dy**2 <= radius**2,
        ][kind]
        image[inside] = rng.uniform(0, 255, 3) + rng.normal(0, 12, (inside.sum(), 3))
        if kind == 3:
            left, top = center_x - radius, center_y - radius
            boxes.append((left, top, left + 2 * radius, top + 2 * radius))
    return np.clip(image, 0, 255).astype("uint8"), np.array(boxes).reshape(-1, 4)


def frame(image: np.ndarray, boxes: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Returns the image at twice the size, with true boxes in black and detected boxes in white."""
    image = image.repeat(2, axis=0).repeat(2, axis=1)
    size = len(image)
    detected = found[found[:, 0] >= 0.3, 1:]
    for color, corners in ((0, boxes), (255, detected)):
        for left, top, right, bottom in (2 * corners).round().clip(0, size - 1).astype(int):
            image[[top, bottom], left : right + 1] = color
            image[top : bottom + 1, [left, right]] = color
    return image


if __name__ == "__main__":
    main()
