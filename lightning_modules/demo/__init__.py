"""The page on which one tries a trained model: what is asked (requests), its answers (api), and the server and page."""
