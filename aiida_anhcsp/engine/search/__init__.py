"""The evolutionary search: random structures, operators, ranking, selection and the loop."""
