"""Keywords of FDMNES: which are read, which are refused, which leave the spectrum what it is.

FDMNES compares the first nine letters of a word, in lower case, knows several spellings of each
keyword, and stops at a word that it does not know. The lists follow the manual and the source of
FDMNES (main.f90, lecture.f90, convolution.f90; 2012 to 2026). A word that is in none of them is
refused, too: it could change what was calculated.
"""

LETTERS = 9
"""Letters of a keyword that FDMNES compares."""


def _spellings(names: dict[str, str]) -> dict[str, str]:
    """Name of each spelling, of names with their spellings."""
    return {word: name for name, words in names.items() for word in words.split()}


READ = _spellings(
    {
        "absorber": "absorber absorbeur iabsorbeu absorbor assorbito",
        "abs_u_iso": "abs_u_iso",
        "cif_file": "cif_file ciffile crystal_c cristal_c",
        "conv_out": "conv_out",
        "crystal": "crystal cryst crist cristal cristallo",
        "e_cut": "e_cut ecut e_cut_imp ecut_imp e_cutimp ecutimp e_fermi efermi",
        "edge": "edge seuil threshold soglia",
        "end": "end fin fine",
        "endjump": "endjump end_jump",
        "energpho": "energpho energphot enrgphot ephoton",
        "epsii": "epsii epsiia e_psii enrgpsii e_core ecore",
        "filout": "filout fileout file_out",
        "gamma_hole": "gamma_hol",
        "gamma_max": "gamma_max",
        "gaussian": "gaussian gauss gaus resolutio",
        "jump": "jump",
        "molecule": "molecule molec molecola",
        "per_atom": "per_atom",
        "spgroup": "spgroup space_gro",
        "z_absorber": "z_absorbe zabsorber zabsorbeu numatabs numat_abs",
    }
)
"""Keywords whose values are used."""
REFUSED = _spellings(
    {
        "a protein's structure in a PDB file": "crystal_p cristal_p pdb_file pdbfile film_pdb_",
        "a structure from Wien2k": """flapw lapw wien flapw_s flapw_sau flapw_sav lapw_s lapw_sauv
            lapw_save wien_s wien_sauv wien_save flapw_r flapw_rec lapw_r lapw_recu wien_r wien_recu
            flapw_s_p flapw_s_n flapw_psi flapw_n flapw_n_p""",
        "a film, surface or interface": """film film_cif_ film_t film_roug film_shif film_thic
            film_zero surface surface_s surface_p interface interfac_ inter_shi bulk bulk_atom
            bulk_roug cap_layer cap_b_iso cap_u_iso cap_disor cap_rough cap_shift cap_thick hkl_film
            hkl_sur hkl_int""",
        "atom types by number": """atom atoms atome atomes atomo atomi atom_ch atomch atome_ch
            atomech atomo_ch atomoch atomi_ch atomich""",
        "partial occupancy": "occupancy",
        "thermal parameters": """crystal_t molecule_ atom_b_is atom_b_an atom_u_is atom_u_an
            temperatu""",
        "an atom replaced by another": "doping",
        "a displacement of the absorber": "dpos",
        "equivalent atoms chosen by hand": "symsite",
        "a fit of parameters": "parameter",
        "polarized light": """polarized polarise polarised polarize polar polarisat polarizat
            mat_polar circular circulair stokes stoke stokes_na stokesnam stokename stoke_nam""",
        "magnetic moments": """magnetism magnetic magnetiqu ang_spin angspin spin_ang axe_spin
            axespin spin_axe spin_axes spinaxe spinaxes spin_axis spinaxis axis_spin mag_axis_
            spin_chan spinchann spin_reso stoner""",
        "an external charge or field": """helmholtz helm helmoltz helmhotz helmotz helmolz helm_cos
            helm_lin helm_mix counter_a charge_im image_cha image_pot e_moment elec_mome electric_
            elec_fiel e_field""",
        "only some of the transitions": """no_e1e1 noe1e1 no_dipole nodipole notdipole nondipole
            lplus1 lmoins1 lminus1 ldipimp lquaimp lquadimp selec_cor select_co selectcor seleccore
            sel_core selcore""",
        "time-dependent DFT": """tddft td_dft tdlda td_lda xcorr rpalf rpa rpa_lf dyn_eg dyn_g
            dynamical cal_tddft""",
        "X-ray emission": "xes photo photoemis",
        "X-ray Raman scattering": """nrixs nixs nrixs_mon all_nrixs allnrixs allnrix allxraman
            all_xrama xraman xramman ramanx rammanx eloss_max elossmax e_loss_ma e_lossmax""",
        "resonant inelastic scattering": """rixs rixs_only only_rixs only_indi full_xane rixs_all_
            allsite_r all_site_ all_file_ allfile_r rixs_ampl ampl_rixs rixs_core rixs_db rixs_db_c
            rixs_dbl_ rixs_doub rixs_emis energ_out rixs_e_ou energ_emi rixs_ener energ_rix
            energ_in_ ener_rixs rixs_rang range_rix rixs_fast rixs_loss rixs_sum sum_rixs step_loss
            moment_co delta_g_r delta_gau powder theta_in theta_i teta_i teta_in theta-i theta-in
            teta-i teta-in theta_2th theta_two two_theta two_teta two-theta two-teta twotheta
            twoteta""",
        "diffraction": """dafs dafsscan dafscan rxs rxd dafs_2d rxs_2d rxd_2d dafs_surf rxs_surfa
            rxd_surfa dafs_exp rxs_exp rxd_exp dafsbio rxsbio rxs_bio rxdbio rxd_bio dafs_exp_
            bormann borman fprime fprim transpose scan scan_file scan_conv scanconv scan_out scanout
            amplphase ampl_phas phase_amp phaseampl phase""",
        "optical absorption": "optic optics optique",
        "a spectrum made of other runs": """extract extractio extract_t extract_s extractsy extracsy
            extractpo calculati file_in filein filin directory""",
        "another table of the spectrum": "xan_atom nxan_lib",
        "absorption of lower edges in the spectrum": "abs_befor",
        "another unit and background, of FDMX": """fdmx fdmx_proc cm2g nobg nodw noimfp imfpin elfin
            dwfactor tdebye tmeas expntl victoreen mermin""",
        "no spectrum": """mult_cell unit_cell surf_cell mat_mul atomic_nu cub_hexa conv_gaus
            selec_inp select_in selec_in selecin selecinp selec_ind selec_out select_ou selecout
            selec_ou energy azimuth reflectio reflexion""",
    }
)
"""Why a keyword is refused: what makes the structure or the spectrum another one."""
OTHER = _spellings(
    {
        "method, core hole, transitions": """green green_bul greenbulk bulk_gree bulkgreen green_int
            fdm_comp adimp interpoin inter_poi iord radius rayon rsort rsorte raggio range gamme
            rangel gammel rpotmax over_rad overad overrad eimag potimag e_imag excited nonexc
            non_exc nonexcite non_excit no_hole nohole screening ecrantage atomic_sc spinorbit
            spin_orbi z_nospino relativis relat non_relat nonrelat nonrelati quadrupol quadripol
            octupole dipole_oc dip_oct dipmag magdip dip_mag mag_dip quadmag magquad dip_quad
            dip_rel dip_relat spin_pos spin_posi e1e1 dipole e1e2 e1e3 e3e1 e1m1 e1m2 e2e2 e2m2 e3e3
            e1sp spsp m1m1 m1_m1 m1m2 m1_m2 m2m1 m2_m1 m2m2 no_e1e2 notinterf noninterf nointerf
            no_interf no_dipqua nodipquad nondipqua noe1e2 no_e1e3 noe1e3 noe3e1 no_e3e1 no_e2e2
            noe2e2 no_e3e3 all_trans no_res_ma no_res_mo core_reso spinresol coreresol no_core_r
            not_core_ not_corer notcorere notcorer_ no_corere nocoreres nocore_re lmax_nrix
            lmaxnrixs lmax_xram lmaxxrama lmax_tddf kern_fac kern_fast gamma_tdd debye one_run
            one_run_s one_scf one_scf_s""",
        "potential and self-consistency": """scf selfcons self_cons n_self nself n_scf nscf p_self
            p_self0 pself pself0 p0_self p_scf p0_scf pscf pscf0 p0scf p_self_ma p_scf_max pselfmax
            pscfmax ppscf_max p_scfmax p_selfmax pself_max r_self r_selfcon rself rselfcons r_scf
            rscf scf_exc scfexc selfexc self_exc scf_non_e scfnonexc scf_nonex scf_nohol scf_no_ho
            selfnonex self_non_ self_none scf_abs scf_mag_f scf_smoot smouth_sc smouth_se scf_step
            step_scf pas_scf no_scf_bu noscf_bul no_scfbul noscfbulk no_self_b bsc_scf delta_en_
            converge deltae delta_e_c delta_en delta_e_s no_fermi nofermi core_ener e_core_to
            e_tot_cor etot_core ecore_tot epsii_tot hedin hedin_lun hedinlund perdew pbe96 xalpha
            xalfa alfpot clementi chfree chlibre ch_free chlib freech free_char free_ch charge_fr
            chargefre v0imp voimp v0bdcfim vmoyf korigimp vmax v_intmax v_max rmt rmtg rmtimp
            rmt_imp rmtgimp rmtg_imp rmtg_z z_rmtg zrmtg rmtgz rmtv0 rmtvo norman rcharge rchimp
            rcharge_z rchimp_z z_rcharge rionic_z rionic r_ionic z_rionic z_r_ionic overlap
            muffintin muffin_ti full_pote lmax_pot hubbard hubard hubbard_z full_atom spgr_atom
            atom_conf atom_nsph dilatorb dilat dilatati dilat_or no_dft ata no_ata supermuf
            d_max_pot dmaxpot dmax_pot d_maxpot distmaxpo dist_maxp""",
        "numerical settings": """lmax lmaxat lmaxat0 lmax_at lmax_atom lmaxfree lmaxso lmaxso0
            lmax_so lmax_sor lmaxsort lmaxso_ma lmaxstden lmax_doso base_reel basereel real_basi
            real_base base_comp basecomp ylm_comp ylm_compl ylmcomp ylmcomple harmo_com harmocomp
            harm_tess harmo_tes harm_real harmo_rea harmo_ree harm_reel real_harm normaltau
            normal_ta solsing singsol solsing_o no_solsin numerov nrato nrato_dir nratodira nr_ato
            multrmax ray_max_d rydberg renorm no_renorm no_cluste cluster_a memory_sa memorysav
            biologie biology save_memo savememor readfast read_fast test_dist testdistm dist_min
            distmin distamin test_reg center centre center_s center_ab centre_ab centreabs centerabs
            noncentre pointgrou point_gro sym symmol sym_mol old_zero oldzero new_zero e_out_min
            eclie etatlie delta_e_o delta_v_o ec_out_mi ek_out_mi ek_min ec_min eneg not_eneg
            noteneg ephot_min delta_eps rot_sup ang_rotsu angrotsup rotsup""",
        "diffraction, without effect on absorption": """self_abs self_abso selfabs selfabsor
            full_self double_co dead_laye sample_th forbidden thomson setaz zero_azim step_azim
            stepazim stepazimu azim_step mat_ub phi_0""",
        "output besides the spectrum": """header python comment length_li check icheck check_all
            checkall allcheck all_check check_bir check_coa checkcoab check_con check_mat checkmat
            check_mpi check_pot checkpot check_rix check_sph checksph checksphe check_tdd check_ten
            no_check fprime_at fprim_ato fprimatom fprimeato density state_den statedens densite
            density_a stateall state_all densityal density_c density_s allsite all_site coop
            coop_atom atom_coop coop_dist dist_coop coop_z_ax coop_z_fi coop_fixe bond trace
            trace_for trace_wie cartesian cartesien spherical sphere_al sphere_si write_mod write_q
            rixs_q rixs_modq""",
        "convolution and comparison with a measurement": """convoluti arc seah seah_denc table ecent
            e_cent ecenter ecentre e_center e_centre elarg elarge e_large ewidth e_width estart
            e_start eintmax gamma_fix gamma_var dec no_extrap noextrap s0_2 s02 so2 so_2 shift_cor
            shift_eps shift_e_c core_shif delta_edg all_conv conv_all e_step_co abs_b_iso no_analyz
            no_analys noanalyzo noanalyze noanalyso noanalyse experimen file_met fit_out metric_ou
            gen_shift emin emax error kev d2 detail rx fit_rx rxg weight_co""",
    }
)
"""Keywords on which the meaning of structure and spectrum does not depend."""
WITH_TEXT = {
    "filout",
    "cif_file",
    "edge",
    "spgroup",
    "conv_out",
    "comment",
    "pointgrou",
    "point_gro",
    "sym",
}
WITH_TEXT |= {"experimen", "file_met", "fit_out", "metric_ou"}
"""Keywords whose values can begin with a letter."""


def keyword_of(word: str) -> str | None:
    """Name of a keyword, the same for all its spellings; None: FDMNES has no such keyword."""
    word = word[:LETTERS].lower()
    if word in READ:
        return READ[word]
    return word if word in REFUSED or word in OTHER else None
