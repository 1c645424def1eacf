"""Components of the project."""

from .agency_extracts import AgencyExtracts

__all__ = ["AgencyExtracts"]
