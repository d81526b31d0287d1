"""Trains a segmentation head on the features of a ResNet, on synthetic images.

    python examples/segmentation.py [--network ResNet10T] [--weights FILE] [--plot out.png]

Nothing is downloaded; it takes minutes on one core. Every pixel belongs to the dark background or to a bright disk,
square or triangle of any color. The test images come from the same random generator, after the training images.
"""

import argparse

import keras
import numpy as np

import keras_resnet_recipes as krr

CLASSES = ["background", "disk", "square", "triangle"]
COLORS = np.array([[0, 0, 0], [230, 80, 60], [70, 160, 230], [240, 200, 60]], "uint8")


def main(arguments: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="ResNet10T", help="any ImageNet network")
    parser.add_argument("--weights", help="initial weights; default: random")
    parser.add_argument("--size", type=int, default=64, help="side of the images, a multiple of 32")
    parser.add_argument("--images", type=int, default=4000, help="number of training images")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--plot", help="image file to write with results")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(0)
    train = draw_images(rng, options.images, options.size)
    test = draw_images(rng, max(8, options.images // 20), options.size)

    keras.utils.set_random_seed(0)
    network = getattr(krr.applications, options.network)
    backbone = network(options.weights, include_top=False)
    model = segmenter(krr.applications.stages(backbone), len(CLASSES))
    steps = options.epochs * -(-options.images // 8)
    model.compile(
        optimizer=keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.MeanIoU(len(CLASSES), sparse_y_pred=False, name="iou")],
    )
    model.fit(*train, batch_size=8, epochs=options.epochs, validation_data=test, verbose=2)

    predicted = model.predict(test[0], verbose=0).argmax(axis=-1)
    for label, name in enumerate(CLASSES):
        truth, found = test[1] == label, predicted == label
        print(f"{name:10} IoU {(truth & found).sum() / (truth | found).sum():.3f}")
    mean_iou = model.evaluate(*test, verbose=0, return_dict=True)["iou"]
    print(f"mean IoU {mean_iou:.3f} on {len(predicted)} held-out images")
    if options.plot:
        rows = [test[0][:8], COLORS[test[1][:8]], COLORS[predicted[:8]]]
        sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
        keras.utils.save_img(options.plot, sheet, scale=False)
    return mean_iou


def segmenter(features: keras.Model, classes: int, channels: int = 64) -> keras.Model:
    """Returns a model that projects the features of all stages to one width and sums them from coarse to fine."""
    images = keras.Input((None, None, 3), name="images")
    maps = features(images)
    x = keras.layers.Conv2D(channels, 1, name="lateral32")(maps["stride32"])
    for stride in (16, 8, 4):
        lateral = keras.layers.Conv2D(channels, 1, name=f"lateral{stride}")
        up = keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"up{stride}")
        x = keras.layers.Add(name=f"sum{stride}")([up(x), lateral(maps[f"stride{stride}"])])
    x = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False, name="smooth")(x)
    x = keras.layers.ReLU(name="relu")(keras.layers.BatchNormalization(momentum=0.9, name="bn")(x))
    x = keras.layers.Conv2D(classes, 3, padding="same", name="classes")(x)
    # Logits are float32 also under mixed precision.
    up = keras.layers.UpSampling2D(4, interpolation="bilinear", dtype="float32", name="logits")
    return keras.Model(images, up(x), name="segmenter")


def draw_images(rng: np.random.Generator, number: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns `number` uint8 images and the class of every pixel."""
    images, labels = zip(*(draw_image(rng, size) for _ in range(number)), strict=True)
    return np.stack(images), np.stack(labels)


def draw_image(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:size, :size]
    slope = rng.uniform(-30, 30, 3) * (x / size)[..., None]
    image = rng.uniform(30, 90, 3) + slope + rng.normal(0, 12, (size, size, 3))
    labels = np.zeros((size, size), "int32")
    for _ in range(rng.integers(1, 4)):
        label, radius = rng.integers(1, len(CLASSES)), size * rng.uniform(0.15, 0.25)
        dx, dy = x - rng.uniform(0.2, 0.8) * size, y - rng.uniform(0.2, 0.8) * size
        inside = [
            dx**2 + dy**2 <= radius**2,
            np.maximum(abs(dx), abs(dy)) <= radius,
            (dy <= radius) & (2 * abs(dx) <= dy + radius),
        ][label - 1]
        image[inside] = rng.uniform(130, 255, 3) + rng.normal(0, 12, (inside.sum(), 3))
        labels[inside] = label
    return np.clip(image, 0, 255).astype("uint8"), labels


if __name__ == "__main__":
    main()
