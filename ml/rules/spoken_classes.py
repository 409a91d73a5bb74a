"""Classes of the words in which patients, not nurses, name parts, harm and failing bodies.

British, Irish, American and Australian everyday speech; single words wherever possible, because
a phrase hides its own words from other patterns.
"""

from typing import Final

SPOKEN_CLASSES: Final = {
    "mild": "mild a_bit bit little tiny small superficial bearable niggling manageable "
    "tolerable not_bad not_too_bad shallow nagging not_much low_grade",
    "facepart": "face mouth smile lip cheek eyelid",
    "droops": "droop drop sag slip slid slide crooked lopsided wonky uneven skew slant slack melt "
    "fallen fall saggy squint hang askew cock_eyed gone_down went_down pulled twist collapse "
    "falling",
    "talkwrong": "rubbish gibberish jibberish jumbl garbl muddl muddle mush mushy mixed_up "
    "scrambl double_dutch gobbledegook gobbledygook slurry slur wrong_order all_wrong babbl "
    "mumbl none_make_sense no_sense not_make_sense not_making_sense unintelligible nonsense "
    "incomprehensible backwards muddled jumbled garbled thick",
    "handfail": "cant_hold cant_grip cant_lift cant_squeeze cant_pick_up keep_drop drop fumbl "
    "wont_grip cant_use lost_use dropping keeps_dropping",
    "handheld": "cup mug fork pen spoon glass knife key kettle toothbrush phone brush thing comb",
    "dead": "dead useless lifeless lead jelly floppy limp wont_work not_work dont_work stop_work "
    "stopped_working not_responding flop has_stop_work has_stopped_working",
    "bringup": "chuck bring brought spew throw threw chunder hurl upchuck heave cough spit "
    "honk boak yack vomit puke up sicking",
    "ballword": "testicle scrotum bollock bollick ballbag goolie knacker sack nutsack ballsack "
    "gonad left_nut right_nut one_nut nads",
    "agony": "agony excruciat kill unbearable screaming severe throb pain hurt ache sore "
    "rock_hard hard tender swell",
    "puff": "swell fat puffy puff balloon blow_up blew_up blown_up blowing_up huge double_size "
    "twice_size massive enormous bulg",
    "corrosive": "bleach acid battery_acid drain_cleaner drain_unblocker unblocker oven_cleaner "
    "toilet_cleaner caustic lye lime cement alkali ammonia peroxide descaler paint_stripper "
    "stripper solvent thinner weedkiller weed_killer antifreeze white_spirit petrol turps "
    "domestos harpic drano clorox lysol dettol disinfectant pesticide dishwasher_tablet "
    "laundry_pod laundry_capsule washing_capsule detergent quicklime mortar caustic_soda "
    "lamp_oil lighter_fluid essential_oil reed_diffuser "
    "sodium_hydroxide brick_acid cleaning_fluid chlorine pool_chemical oven_spray "
    "washing_tablet toilet_duck patio_cleaner hydrochloric sulphuric screenwash",
    "ingest": "drunken swallow drink drank eat gulp sip neck down ingest lick chew mouth scoff "
    "guzzle got_hold taken take took",
    "noinsulin": "no_insulin not_insulin without_insulin missed_insulin hasnt_insulin "
    "skip_insulin not_do_insulin not_doing_insulin hasnt_take_insulin not_take_insulin "
    "dont_take_insulin stop_insulin stop_take_insulin stopped_insulin run_out_insulin "
    "ran_out_insulin off_insulin hasnt_had_insulin missed_injections forgot_insulin "
    "miss_insulin not_inject_insulin hasnt_inject hasnt_injected stop_inject lost_insulin "
    "insulin_run_out insulin_ran_out pump_failed pump_fail no_insulin_since not_had_insulin "
    "run_out_of_insulin refuse_insulin refusing_insulin pump_block pump_broken",
    "kid": "baby infant newborn neonate child toddler son daughter boy girl little_one bub bubs "
    "bairn wee_one kiddo tot grandson granddaughter lad lass month_old week_old day_old nipper "
    "littl_man twin",
    "means": "rope noose gun shotgun rifle pistol razor razor_blade blade bridge cliff train "
    "track rail ledge rooftop roof hosepipe exhaust motorway ligature belt_round platform weir "
    "multi_storey carpark",
    "despair": "end_it end_all end_life end_everything ending_it_all kill_myself top_myself "
    "off_myself do_myself_in die cant_go_on cant_do_this_anymore cant_do_this_any_more "
    "cant_keep_do cant_keep_doing cant_carry_on cant_take_anymore cant_take_any_more "
    "cant_do_anymore cant_do_any_more no_point had_enough dont_want_be_here want_out "
    "want_over better_off_without suicide not_wake_up never_wake never_wake_up kms unalive "
    "wont_be_here goodbye end_tonight end_pain over_with cant_live cant_cope "
    "end_myself shoot_myself hang_myself jump throw_myself dead dont_want_live finish_myself",
    "limbcut": "arm leg hand wrist neck thigh groin foot finger head scalp throat",
    "soak": "soak pour gush pump spurt tap towel hosepipe hose flood puddle everywhere pool "
    "drench squirt bucket jet fountain",
    "wakeless": "cant_wake wont_wake hard_wake not_wake wont_open_eyes cant_get_response "
    "cant_get_any_response no_response not_answer wont_answer not_respond cant_get_answer "
    "hasnt_come_round not_come_round dead_to_world out_cold lifeless "
    "not_move isnt_answer dont_answer cant_rouse cant_wake_up cant_get_to_wake cant_get_wake",
    "notpass": "hasnt_weed hasnt_wee not_weed not_pass_water not_passed_water hasnt_pass_water "
    "cant_pass_water cant_pee hasnt_pee not_pee hasnt_able_pee hasnt_pass_urine "
    "cant_go_toilet cant_empty_bladder not_been_able_pee not_pass_urine cant_pass_any_water "
    "cant_urinate no_pee not_wee cant_do_wee cant_start_pee",
    "privates": "saddle undercarriage between_leg bum arse ass bottom genital private "
    "private_part down_below fanny willy bits crotch perineum backside buttock nether_region "
    "inner_thigh vagina penis testicle groin",
    "noweight": "wont_walk cant_walk not_walk refuse_walk refuse_weight_bear not_weight_bear "
    "wont_weight_bear refuse_wb refuse_stand wont_stand cant_stand not_wb nwb cant_bear_weight "
    "wont_put_weight cant_put_weight refuse_weight hasnt_walk wont_use_leg refuse_put_weight",
    "gush": "heavy flood pour gush soak clot pad everywhere lots bucket massive tampon "
    "non_stop nonstop towel loads fast run_down running_down",
    "blacksight": "black dark blank gone shut_off switched_off switch curtain blind shutter "
    "shade grey_out nothing veil shadow light_switch lost lose out",
    "gasalarm": "wood_burner burner furnace carbon boiler gas monoxide co heater generator "
    "log_burner stove flue cooker fireplace bbq barbecue chimney",
    "groupsick": "headache head dizzy unwell vomit faint collapse drowsy nausea sleepy woozy "
    "queasy groggy",
}
