"""The web page (extra ``demo``) for pictures, the webcam and short videos, and its HTTP API."""

from fer_zoo.demo.analyzer import FaceAnalyzer, PictureAnalysis
from fer_zoo.demo.limits import DemoLimits
from fer_zoo.demo.page import create_page
from fer_zoo.demo.server import serve

__all__ = ["DemoLimits", "FaceAnalyzer", "PictureAnalysis", "create_page", "serve"]
