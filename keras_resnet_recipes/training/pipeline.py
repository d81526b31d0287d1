"""From a recipe and a data set to batches: images in, uint8 pictures and targets out."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_resnet_recipes import augment
from keras_resnet_recipes.data import ImageDataset, UnreadableImages, decode
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training import views
from keras_resnet_recipes.training.keras_layers import KerasLayers
from keras_resnet_recipes.training.mixing import targets_and_mix
from keras_resnet_recipes.training.pictures import (
    BLOCK,
    augmentations,
    block_of_rows,
    copies_of,
    drawn_rows,
    folded,
)
from keras_resnet_recipes.training.served import Chunks, served_pictures
from keras_resnet_recipes.training.share import Share

# The result of an evaluation does not depend on its batch; a large one only costs memory.
_EVALUATION_BATCH = 256

# What is given to tf.data here is plain TensorFlow already; translating it once more costs start-up time.
_plain = tf.autograph.experimental.do_not_convert


def training_batches(
    recipe: BaseRecipe,
    data: ImageDataset,
    *,
    steps: int,
    first_epoch: int,
    first_batch: int = 0,
    all_readable: bool = False,
    seed: int,
    unreadable: UnreadableImages,
    replicas: int = 1,
    host: tuple[int, int] = (0, 1),
    data_service: str | None = None,
) -> tf.data.Dataset:
    """Batches of all epochs from `first_epoch` on, `steps` updates an epoch.

    The picture at position i of epoch e depends on (seed, e, i) alone, whatever the number of
    threads and wherever the run began.

    Args:
        recipe: The recipe, its `classes` known.
        data: Images.
        steps: Updates of an epoch.
        first_epoch: Epoch to begin with, from 0.
        first_batch: Batch of that epoch to begin with (with accumulation, part of a batch).
        all_readable: Whether no image of the batches before is unreadable: their pictures need not be
            made then. With a data service they are made in any case.
        seed: Seed of order and augmentation.
        unreadable: Hears of images that fail.
        replicas: Devices of all hosts, each of which gets an equal run of every batch.
        host: Which host makes its run of every batch here, from 0, and how many there are; together
            they make the batches of one. Only an unreadable image is replaced from the host's own run.
        data_service: Address of a tf.data service whose workers make the pictures: the same, in the
            same order.

    Returns:
        Elements (uint8 [batch, size, size, 3], float32 targets [batch, classes]), with batch / hosts
        pictures.

    Raises:
        ValueError: If `data_service` is no address, or the data set cannot be sent there.
        ConnectionError: If nothing answers there.
    """
    run_seed, layers = tf.constant([seed, 0], tf.int64), KerasLayers(recipe)
    # With accumulation a step takes a part of the batch, and mixing is within the part.
    part = recipe.batch_size // recipe.gradient_accumulation_steps
    share = Share(*host, part, recipe.repeated_augmentation)
    count, epochs = steps * recipe.batch_size, recipe.total_epochs

    @_plain
    def batches_of(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = folded(run_seed, epoch)
        skipped = tf.cast(tf.where(epoch == first_epoch, first_batch, 0), tf.int64)
        known = share.hosts == 1 and (all_readable or not data.encoded)
        unmade = skipped if known else tf.zeros([], tf.int64)
        batches = _pictures(recipe, data, count, epoch_seed, unreadable, share, unmade * part)
        return (
            batches.enumerate(unmade)
            .skip(skipped - unmade)
            .map(
                targets_and_mix(recipe, epoch_seed, unreadable, replicas, host, layers),
                num_parallel_calls=layers.workers,
            )
        )

    @_plain
    def mixed(number: tf.Tensor, pictures: tuple[tf.Tensor, tf.Tensor]) -> Any:
        epoch, step = first_epoch + number // (count // part), number % (count // part)
        mix = targets_and_mix(recipe, folded(run_seed, epoch), unreadable, replicas, host, layers)
        return mix(step, pictures)

    if data_service is None:
        batches = tf.data.Dataset.range(first_epoch, epochs).flat_map(batches_of)
    else:
        chunks = _chunks(recipe, data, count, run_seed, share)
        pictures = served_pictures(chunks, data_service, range(first_epoch, epochs), unreadable)
        batches = pictures.rebatch(share.size, drop_remainder=True).enumerate().skip(first_batch)
        batches = batches.map(mixed, num_parallel_calls=layers.workers)
    return batches.prefetch(tf.data.AUTOTUNE).with_options(_options())


def evaluation_batches(
    recipe: BaseRecipe,
    data: ImageDataset,
    *,
    unreadable: UnreadableImages,
    replicas: int = 1,
    host: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Every image once, in order, resized and cropped as the recipe says, in all views that it asks for.

    Args:
        recipe: The recipe, its `classes` known.
        data: Images.
        unreadable: Hears of images that fail.
        replicas: Devices of all hosts.
        host: Which host makes its run of every batch here, from 0, and how many there are.

    Returns:
        Elements (uint8 [batch, size, size, 3], float32 one-hot [batch, classes]); the last batch may be smaller.
        Instead of the pictures [batch, 10, size, size, 3] for ten crops, and for several sizes a tuple of
        [1, height, width, 3].
        On several devices all batches are of one size, a multiple of `replicas`, and a third part, float32 [batch],
        is 1 for images and 0 for what fills up the last batch: Keras would give a device no image at all.
        On several hosts there are as many batches on each, whatever cannot be read.

    Raises:
        ValueError: If the number of images is unknown and there are several hosts.
    """
    look = views.pictures(recipe)

    @_plain
    def picture(position: tf.Tensor, item: Any) -> tuple[tf.Tensor, ...]:
        image, label = data.read(item)
        seen = look(decode(image) if data.encoded else image)
        return position, *seen, label

    @_plain
    def with_targets(*parts: tf.Tensor) -> tuple[Any, ...]:
        *images, labels = parts
        labels = unreadable.check_labels(labels, recipe.classes)
        targets = augment.one_hot(labels, recipe.classes)
        return images[0] if len(images) == 1 else tuple(images), targets

    batch = views.images_at_a_time(recipe, min(recipe.batch_size, _EVALUATION_BATCH))
    size = -(-batch // replicas) * replicas
    share = Share(*host, size)
    if share.hosts > 1 and data.size is None:
        raise ValueError(
            f"`validation_data`: the number of images of {data.name} must be known on several hosts "
            "(tf.data.experimental.assert_cardinality)."
        )
    pictures = share.owned(data.items(None).enumerate())
    pictures = pictures.map(picture, num_parallel_calls=tf.data.AUTOTUNE)
    if data.encoded:
        pictures = pictures.ignore_errors(log_warning=False)
    groups = pictures.batch(share.size)
    batches = share.watched(groups, unreadable, data.size, lambda places: places)
    batches = batches.map(with_targets)
    if replicas > 1:
        batches = batches.map(lambda *parts: _filled(share.size, *parts))
    if share.hosts > 1:
        batches = _of_number(batches, data, size)
    return batches.prefetch(tf.data.AUTOTUNE).with_options(_options())


def _of_number(batches: tf.data.Dataset, data: ImageDataset, size: int) -> tf.data.Dataset:
    """As many filled batches on every host: one that has another step than the others waits for ever."""
    nothing = [tf.zeros(spec.shape, spec.dtype) for spec in batches.element_spec]
    empty = tf.data.Dataset.from_tensors(tuple(nothing)).repeat()
    return batches.concatenate(empty).take(-(-data.size // size))


def _filled(size: int, *parts: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """The parts of a batch with zeros up to `size`, and the weights of what they hold."""
    count = tf.shape(parts[0])[0]
    weighted = (*parts, tf.ones(count[None]))
    zeros = [[[0, size - count], *[[0, 0]] * (len(part.shape) - 1)] for part in weighted]
    return tuple(
        tf.ensure_shape(tf.pad(part, missing), (size, *part.shape[1:]))
        for part, missing in zip(weighted, zeros, strict=True)
    )


def _pictures(
    recipe: BaseRecipe,
    data: ImageDataset,
    count: int,
    seed: tf.Tensor,
    unreadable: UnreadableImages,
    share: Share,
    start: tf.Tensor,
) -> tf.data.Dataset:
    """The share of the augmented pictures `start` to `count` of an epoch, in batches (images, labels)."""
    steps, copies = augmentations(recipe), recipe.repeated_augmentation
    length = images_needed(data, count, copies)
    items, index_at = ordered(data, seed, copies, length)
    first = start // copies
    drawn = drawn_rows(steps, seed, copies, first)
    numbered = share.owned(tf.data.Dataset.zip((items.enumerate().skip(first), drawn)))
    pictures = numbered.map(copies_of(recipe, data, steps), num_parallel_calls=tf.data.AUTOTUNE)
    if data.encoded:
        pictures = pictures.ignore_errors(log_warning=False)
    # Whatever is done for a whole batch at once costs a picture next to nothing.
    groups = pictures.batch(-(-share.size // copies))
    groups = share.watched(groups, unreadable, length, index_at, first)

    @_plain
    def flat(number: tf.Tensor, group: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
        before = tf.where(number == 0, start % copies, 0)
        rows = [tf.reshape(part, [-1, *part.shape[2:]])[before:] for part in group]
        images, labels, *own = rows
        return (
            tuple(tf.boolean_mask(x, own[0]) for x in (images, labels)) if own else (images, labels)
        )

    pictures = groups.enumerate().map(flat).rebatch(share.size, drop_remainder=True)
    return pictures.take((count - start) // share.batch)


def _chunks(
    recipe: BaseRecipe,
    data: ImageDataset,
    count: int,
    run_seed: tf.Tensor,
    share: Share,
) -> Chunks:
    """The pictures of `_pictures` for all epochs, any few of them at a time."""
    steps, copies = augmentations(recipe), recipe.repeated_augmentation
    length, copied = images_needed(data, count, copies), copies_of(recipe, data, steps)
    rows = block_of_rows(steps, copies)

    def order(epoch: tf.Tensor) -> tf.Tensor:
        indices = data.order(folded(run_seed, epoch))
        return augment.repeat_order(indices, copies, length * copies)[::copies]

    def pictures(epoch: tf.Tensor, places: tf.Tensor, indices: tf.Tensor) -> tf.data.Dataset:
        drawn = tf.nest.map_structure(
            lambda row: tf.gather(row, places % BLOCK),
            rows(folded(run_seed, epoch), places[0] // BLOCK),
        )
        return tf.data.Dataset.from_tensor_slices(((places, indices), drawn)).map(copied)

    # A part of a block, which is a power of two, so that one draw is enough.
    places = max(1, 32 >> (copies - 1).bit_length())
    return Chunks(data, count, length, places, copies, order, pictures, share)


def images_needed(data: ImageDataset, count: int, copies: int) -> int:
    """Images in the order of an epoch of `count` pictures, and those to replace unreadable ones."""
    # They come from the rest of the order, at most one pass of it.
    return -(-count // copies) + ((data.size or count) if data.encoded else 0)


def ordered(
    data: ImageDataset, seed: tf.Tensor, copies: int, length: int
) -> tuple[tf.data.Dataset, Callable[[tf.Tensor], tf.Tensor]]:
    """The items of an epoch, one for all its copies, and from their places to the images' indices."""
    if data.indexed:
        # One of each row of copies: what differs between them is drawn, not read.
        order = augment.repeat_order(data.order(seed), copies, length * copies)[::copies]
        return tf.data.Dataset.from_tensor_slices(order), lambda places: tf.gather(order, places)
    return data.items(seed).repeat().take(length), lambda places: places


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # One process reads everything; TensorFlow would only warn that it cannot shard this by files.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options
