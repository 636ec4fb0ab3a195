"""Parts of the page T × λ map."""
