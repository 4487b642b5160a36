"""One file per thing that is trained; how it is trained, never what it is made of."""
