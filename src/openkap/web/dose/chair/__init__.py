"""The chair page: one watched session on a tablet in a dim room."""
