"""The conformance kit for third parties: call one function in a test of your own."""

from qdist.testing.backbones import check_backbone as check_backbone
from qdist.testing.heads import check_head as check_head

__all__ = ["check_backbone", "check_head"]
