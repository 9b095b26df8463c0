"""What a package adds to zsc-toolkit; pyproject.toml says where each of it is."""
