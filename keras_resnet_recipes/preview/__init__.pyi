from . import plots as plots
from .images import preview as preview
from .images import snapshots as snapshots
