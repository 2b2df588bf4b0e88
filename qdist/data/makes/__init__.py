"""One module for each make of frame, all with the same three functions.

- `columns(frame)`: the labels and one Arrow array for each column;
- `describe(frame)`: a JSON-able note of what is needed to build such a frame again (no data);
- `restore(arrays, note, n_rows, index)`: a frame of that make from Arrow arrays.
"""
