"""Count the faces that each detector finds in pictures.

python benchmarks/count_faces.py PICTURE... --scrfd scrfd_500m_bnkps.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fer_zoo import CenterFaceDetector, FaceDetector, ScrfdDetector, read_image


def main() -> None:
    """Print a line for each detector: the faces of each picture, and their sum."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--scrfd", type=Path, help="an ONNX file of SCRFD, to count with it too")
    arguments = parser.parse_args()

    detectors: dict[str, FaceDetector] = {
        "center_face, 640": CenterFaceDetector(max_size=640),
        "center_face, 1280": CenterFaceDetector(max_size=1280),
    }
    if arguments.scrfd:
        detectors["scrfd, 640"] = ScrfdDetector(arguments.scrfd)
    pictures = [read_image(path) for path in arguments.pictures]
    for name, detector in detectors.items():
        counts = [len(faces) for faces in detector.detect(pictures)]
        print(f"{name}: {sum(counts)} faces, {counts}")


if __name__ == "__main__":
    main()
