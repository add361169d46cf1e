"""LASSI: representations that are certifiably fair to similar people."""
