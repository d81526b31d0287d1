"""From a recipe and a data set to batches: NumPy arrays, whatever the backend.

    order        which image stands at which position of an epoch, and on which device
    sample       one image: read, decoded, cropped, augmented
    training     the batches of a training
    evaluation   the batches of an evaluation
    workers      threads that make images, and batches ahead of their use
    keras_layers layers of Keras among the augmentations
    feeding      batches as Keras takes them

A batch is a pure function of recipe, data, seed, epoch and step: it does not depend on the number of threads, nor on
where a run was resumed.
"""
