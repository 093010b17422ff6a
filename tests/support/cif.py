"""CIF text that ASE reads with its occupancies."""

HEADER = """data_x
_cell_length_a {length}
_cell_length_b {length}
_cell_length_c {length}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""


def cubic_cif(*sites: tuple[str, float, float], length: float = 4.0) -> str:
    """Text of a cubic cell with (element, position along the diagonal, occupancy) a site."""
    rows = [f"{s}{n} {s} {x} {x} {x} {share}\n" for n, (s, x, share) in enumerate(sites)]
    return HEADER.format(length=length) + "".join(rows)
