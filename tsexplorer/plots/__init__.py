"""Figures from data: pure functions that return Plotly figures and ECharts options."""
