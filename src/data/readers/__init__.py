"""Readers of calculations, one module a format; each yields records and rejections."""
