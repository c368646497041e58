"""Pages of the command line: Jinja2 templates, styles and scripts. A package, so that its files are found anywhere."""
