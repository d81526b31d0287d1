"""Unreadable images are counted and named."""

import threading

import numpy as np
import pytest

import keras_resnet_recipes as krr


def images(size):
    return krr.data.from_arrays(np.zeros((size, 2, 2), "uint8"), np.zeros(size, int))


def stream():
    return krr.data.ImageStream(name="the stream", start=lambda: iter(()))


def test_one_in_a_hundred_is_tolerated():
    unreadable = krr.data.UnreadableImages(images(200), "skip")
    for _ in range(3):  # the same images again, in later epochs
        unreadable.report(7, "truncated")
        unreadable.report(9, "the file is empty")
    assert list(unreadable.reasons.values()) == ["truncated", "the file is empty"]
    message = "3 of the 200 images of the arrays cannot be read, more than 1 %; the last was image 5 of .*: gone"
    with pytest.raises(ValueError, match=message):
        unreadable.report(5, "gone")


def test_one_of_a_small_data_set_is_too_many():
    with pytest.raises(ValueError, match="1 of the 99 images"):
        krr.data.UnreadableImages(images(99), "skip").report(7, "truncated")


def test_for_an_unknown_number_the_images_read_so_far_count():
    unreadable = krr.data.UnreadableImages(stream(), "skip")
    for position in range(10):
        unreadable.report(position, "truncated")
    with pytest.raises(
        ValueError, match="11 of the 11 images of the stream read so far cannot be read"
    ):
        unreadable.report(10, "truncated")
    unreadable = krr.data.UnreadableImages(stream(), "skip")
    for position in range(100, 2000, 100):
        unreadable.report(position, "truncated")
    for position in range(2000, 2020):
        if position == 2001:
            with pytest.raises(ValueError, match="21 of the 2002 images"):
                unreadable.report(position, "truncated")
            break
        unreadable.report(position, "truncated")


def test_raise_stops_at_the_first_and_name_does_not_stop():
    with pytest.raises(
        ValueError, match=r"cannot read image 3 of the arrays: truncated \(unreadable_images='skip'"
    ):
        krr.data.UnreadableImages(images(999), "raise").report(3, "truncated")
    unreadable = krr.data.UnreadableImages(images(20), "name")
    for index in range(20):
        unreadable.report(index, "truncated")
    assert len(unreadable.reasons) == 20
    with pytest.raises(
        ValueError, match=r"'skip', 'raise', 'name'. Received: unreadable_images='drop'"
    ):
        krr.data.UnreadableImages(images(20), "drop")


def test_each_image_is_in_one_warning():
    unreadable = krr.data.UnreadableImages(images(20), "name")
    unreadable.warn()
    for index in range(12):
        unreadable.report(index, "truncated")
    with pytest.warns(
        UserWarning, match=r"12 unreadable image\(s\) of the arrays skipped: .*; and 2 more"
    ):
        unreadable.warn()
    unreadable.warn()
    unreadable.report(13, "gone")
    with pytest.warns(
        UserWarning,
        match=r"1 unreadable image\(s\) of the arrays skipped: image 13 of the arrays: gone",
    ):
        unreadable.warn()


def test_threads_may_report():
    unreadable = krr.data.UnreadableImages(images(2000), "name")
    report = lambda first: [unreadable.report(index, "x") for index in range(first, 2000, 4)]  # noqa: E731
    threads = [threading.Thread(target=report, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(unreadable.reasons) == 2000
