"""From fitted estimators to graph pieces, one module a family; table.py says which function converts which class."""
