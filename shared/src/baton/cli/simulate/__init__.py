"""`baton playbook simulate`: what a draft would have made of the leads that came."""
