"""Generates figures.npz: figures per class, a confusion matrix and calibration errors of drawn scores.

python -m venv venv
venv/bin/pip install scikit-learn==1.9.1 torchmetrics==1.9.0 torch==2.13.0 numpy==2.4.6
venv/bin/python make_figures.py

Figures per class, macro average and confusion matrix are scikit-learn's. The calibration error of the softmax is
torchmetrics' `MulticlassCalibrationError(n_bins=15, norm="l1")`. torchmetrics has none for sigmoids of several classes;
that of the largest sigmoid is the paper's sum over scikit-learn's `calibration_curve`.
"""

import json
from pathlib import Path

import numpy as np
import sklearn
import torch
import torchmetrics
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torchmetrics.classification import MulticlassCalibrationError

IMAGES, CLASSES, BINS = 500, 7, 15


def drawn():
    """Returns labels and logits: class 5 is never predicted, class 6 does not occur at all."""
    rng = np.random.default_rng(0)
    # Classes of different frequency.
    labels = rng.choice(CLASSES, size=IMAGES, p=[0.4, 0.2, 0.15, 0.15, 0.05, 0.05, 0])
    scores = rng.normal(size=(IMAGES, CLASSES)) * 2
    scores[np.arange(IMAGES), labels] += 1.5
    scores[:, 5:] = -20
    return labels, scores.astype("float32")


def error_of(correct, probabilities):
    """Returns the expected calibration error of probabilities by the bins of scikit-learn's curve."""
    accuracy, mean = calibration_curve(correct, probabilities, n_bins=BINS, strategy="uniform")
    images, _ = np.histogram(probabilities, BINS, range=(0, 1))
    return float(np.sum(images[images > 0] * abs(accuracy - mean)) / len(correct))


labels, scores = drawn()
predicted = scores.argmax(1)
exponentials = np.exp(scores.astype("float64"))
softmax = exponentials / exponentials.sum(1, keepdims=True)
sigmoid = (exponentials / (1 + exponentials)).max(1)
options = {"labels": np.arange(CLASSES), "zero_division": 0}
precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, **options)
# Of the classes that occur, scikit-learn's default.
macro = precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)[:3]
metric = MulticlassCalibrationError(CLASSES, n_bins=BINS, norm="l1")
of_softmax = metric(torch.tensor(softmax), torch.tensor(labels)).item()
# The two agree where both can be had.
assert abs(of_softmax - error_of(labels == predicted, softmax.max(1))) < 1e-6
meta = {
    "generated_by": "make_figures.py",
    "versions": {
        "scikit-learn": sklearn.__version__,
        "torchmetrics": torchmetrics.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
    },
}
np.savez_compressed(
    Path(__file__).with_name("figures.npz"),
    labels=labels,
    scores=scores,
    precision=precision,
    recall=recall,
    f1=f1,
    support=support,
    macro=np.array(macro),
    confusion=confusion_matrix(labels, predicted, labels=np.arange(CLASSES)),
    softmax_error=of_softmax,
    sigmoid_error=error_of(labels == predicted, sigmoid),
    meta=json.dumps(meta),
)
