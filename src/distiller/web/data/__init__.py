"""Files of products: every address below ``/data`` is a row of ``cta.product_file``."""
