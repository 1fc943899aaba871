"""What is installed, whether it works, and what may be wrong with a picture or with the pictures of a data set.

:func:`examine` is all that ``fer-zoo doctor`` shows; each part of it can be asked for by itself.
"""

from fer_zoo.doctor.backends import Backends, BackendStatus, find_backends
from fer_zoo.doctor.colour import is_grey, looks_swapped
from fer_zoo.doctor.examination import Examination, examine
from fer_zoo.doctor.hints import Hint
from fer_zoo.doctor.hub_state import HubState, find_hub_state
from fer_zoo.doctor.label_order import check_label_order, compare_with_expected
from fer_zoo.doctor.machine import Machine, find_machine
from fer_zoo.doctor.packages import PackageStatus, find_packages
from fer_zoo.doctor.photographs import find_photographs
from fer_zoo.doctor.picture import PictureExamination, examine_picture
from fer_zoo.doctor.self_test import SelfTest, run_self_test
from fer_zoo.doctor.weights import WeightsStatus, check_weights

__all__ = [
    "BackendStatus",
    "Backends",
    "Examination",
    "Hint",
    "HubState",
    "Machine",
    "PackageStatus",
    "PictureExamination",
    "SelfTest",
    "WeightsStatus",
    "check_label_order",
    "check_weights",
    "compare_with_expected",
    "examine",
    "examine_picture",
    "find_backends",
    "find_hub_state",
    "find_machine",
    "find_packages",
    "find_photographs",
    "is_grey",
    "looks_swapped",
    "run_self_test",
]
