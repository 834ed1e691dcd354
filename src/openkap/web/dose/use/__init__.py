"""Somebody's use of the drug over time: screens for harm, intervals, requests, losses, reviews."""
