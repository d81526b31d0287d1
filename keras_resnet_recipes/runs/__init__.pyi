from .folder import RunFolder as RunFolder
from .log import read_log as read_log
from .progress import Progress as Progress
from .resuming import RunCallbacks as RunCallbacks
