"""`plan`: a release → the documents of its output. One module per part, each independent of the others."""
