"""Dashboards and alerts, made out of the metrics that there are: none can ask for one that is not."""
