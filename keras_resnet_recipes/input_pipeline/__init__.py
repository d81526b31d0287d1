"""From a recipe and a data set to batches: NumPy arrays, whatever the backend.

    order        which image stands at which position of an epoch, and on which device
    sample       one image: cropped, augmented
    training     the batches of a training
    evaluation   the batches of an evaluation, in all views
    keras_layers layers of Keras among the augmentations
    stages       the first batch after each ingredient, to look at
    feeding      batches as Keras takes them

A batch is a pure function of recipe, data, seed, epoch and step: it does not depend on the number of threads, nor on
where a run was resumed.
"""
