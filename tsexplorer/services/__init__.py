"""What pages and shell ask: experiments, studies, trained nets, downloads."""
