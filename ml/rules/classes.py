"""Classes of words that patterns name with `@`: pain, limbs, sudden, severe."""

from typing import Final

CLASSES: Final = {
    "pain": "pain hurt ache sore tender discomfort cramp throb spasm agony colic killing soreness "
    "stabbing sharp_pain ache_pain stiff_pain twinge uncomfortable",
    "pressure": "pressure tight heavy crush squeeze band constrict vice elephant weight vise "
    "clench grip brick pressing",
    "chestpain": "chest_pain cp chestpain angina",
    "limb": "arm leg hand foot thigh calf knee elbow wrist ankle finger toe shoulder hip forearm "
    "shin thumb limb heel extremity",
    "lowerlimb": "leg calf thigh foot ankle knee shin",
    "biglimb": "arm leg hand foot thigh calf limb forearm",
    "side": "one_side left_side right_side left right one half side",
    "sudden": "sudden out_of_nowhere all_of_sudden thunderclap instant acute came_on_fast "
    "within_second within_minute like_thunderclap",
    "severe": "severe worst unbearable excruciating agonizing agonising intense extreme worst_ever "
    "10/10 9/10 agony crushing intolerable tear ripping bad_ever writhing doubled_over "
    "worst_pain worst_life screaming unbearably horrific",
    "now": "now still today current this_morning tonight hour_ago minute_ago",
    "much": "load loads lot heavy massive large pour gush soak profuse pool spurt squirt huge "
    "bucket a_lot cupful jug lots flood everywhere ton severe",
    "wontstop": "wont_stop not_stop cant_stop hasnt_stop dont_stop wont_clot uncontrolled "
    "uncontrollable nonstop keep_bleed not_controlled cant_control wont_slow spurt pump "
    "through_bandage through_towel cant_get_to_stop "
    "still_bleed_heavy",
    "fever": "fever high_temperature temperature high_temp high_fever burning_up f/c bt_high "
    "febrile_sense hot_touch hot_to_touch running_temperature",
    "weak": "weak paralysis cant_move dead_weight powerless lost_power limp no_strength wont_move "
    "loss_power cant_lift dont_work lost_strength loss_strength no_power cant_raise wont_work "
    "gave_way cant_grip",
    "numb": "numb tingle pins_needles pins_and_needles paresthesia loss_feeling cant_feel "
    "lost_feeling no_feeling loss_sensation tingling_sense dead_feeling no_sensation",
    "vomit": "vomit throw_up threw_up thrown_up throwing_up cant_keep_down cant_keep_water_down "
    "cant_keep_any_water_down keep_sick cant_keep_anything_down n/v n/v/d sick_up nv "
    "retch heav keep_vomit",
    "diarrhea": "diarrhea loose_poop watery_poop loose_motion loose_bowel n/v/d loose_stool "
    "watery_stool",
    "unconscious": "unconscious unresponsive passed_out pass_out black_out knocked_out faint "
    "collapse loc loss_conscious loss_of_conscious lost_conscious lose_conscious out_cold "
    "keel_over blacked_out passing_out loss_of_consciousness lose_consciousness",
    "confuse": "doolally lost_plot rambl raving off_rocker none_make_sense not_withit "
    "away_with_fairies confuse ams mental_change altered_mental altered_mentality "
    "altered_mental_status not_make_sense dont_make_sense not_making_sense delirium "
    "delirious alter_conscious dont_know_where dont_recognise dont_recognize talk_nonsense "
    "not_himself not_herself acting_strange not_lucid incoherent mental_confusion "
    "decreased_mental change_in_mental altered_conscious confuse_mentality confusion_state "
    "making_no_sense make_no_sense talk_rubbish talking_gibberish altered_mental_state "
    "decline_mental decreased_mentality mentality disoriented mental_deterioration "
    "mental_status_change mentality_change mental_status personality_change",
    "drowsy": "drowsy hard_wake difficult_wake hard_to_wake difficult_to_wake cant_wake wont_wake "
    "very_sleepy not_waking sleepy cant_stay_awake barely_awake barely_conscious not_rousable "
    "unrousable sleeping_tendency drowsy_mentality hard_rouse difficult_rouse cant_rouse "
    "dont_wake cant_keep_awake slow_respond sluggish not_alert less_responsive",
    "dyspnea": "dyspnea sob short_breath short_of_breath breathless trouble_breath "
    "difficult_breath difficulty_breath hard_breath hard_to_breath cant_catch_breath doe "
    "struggle_breath out_of_breath out_breath winded fight_for_breath orthopnea "
    "breath_difficult breath_difficulty problem_breath labored_breath laboured_breath "
    "respiratory_distress cant_breath desaturation cant_get_air cant_get_enough_air "
    "not_enough_air gasp cant_get_breath struggle_for_breath puff breath_heavy heavy_breath "
    "work_breath suck_in_ribs tachypnea breath_fast fast_breath rapid_breath cant_take_breath "
    "cant_take_deep_breath wind_short short_winded trouble_catch_breath lost_breath "
    "struggle_to_breath gasp_for_air hardly_breath breath_bad pant puffed_out not_breath_well "
    "cant_lie_flat resp_distress "
    "cant_breath_well cant_breath_properly breath_problem breath_hard breath_is_hard",
    "faint": "faint pass_out passed_out near_syncope presyncope black_out blacked_out collapse "
    "keel_over nearly_faint faintness",
    "throat": "throat tongue lip airway mouth",
    "airway": "throat tongue airway uvula",
    "allergen": "bee wasp nut peanut shellfish shrimp penicillin antibiotic allergy hornet "
    "prawn egg sesame cashew walnut almond contrast seafood insect ate_something",
    "poisonous": "weed_killer cleaning_fluid cleaning_product bleach antifreeze pesticide "
    "weedkiller drain_cleaner detergent battery_acid "
    "methanol cyanide rat_poison paraquat organophosphate herbicide insecticide acid caustic lye "
    "oven_cleaner petrol kerosene gasoline turpentine dishwasher_tablet laundry_pod toilet_cleaner "
    "ammonia mushroom_wild wild_mushroom death_cap berry_unknown",
    "pills": "heart_pill pill medication paracetamol acetaminophen tylenol aspirin ibuprofen "
    "drug opioid heroin fentanyl insulin sleeping_pill benzodiazepine antidepressant "
    "digoxin amitriptyline metformin zolpidem methadone xanax valium sedative "
    "warfarin_tablet propranolol vitamin iron",
    "manypills": "whole_bottle whole_pack whole_packet entire_bottle handful lot_of_pill "
    "bottle_of_pill all_of_my too_many too_much whole_box packet_of 20_pill 30_pill "
    "bunch_of lots_of lots box_of whole_strip bottle_of",
    "manynumber": "ten twelve fifteen sixteen twenty thirty forty fifty 10 12 14 15 16 18 20 24 "
    "25 28 30 32 36 40 45 48 50 60 70 80 90 100 dozen",
    "bleed": "bleed hemorrhage blood bloody bloodstained",
    "pee": "pee urine pass_water pass_urine wet_nappy wet_diaper go_to_bathroom empty_bladder",
    "baby": "baby infant newborn neonate",
    "burn": "burn scald burned",
    "break": "break fracture deformity deform dislocation dislocate crooked bent wrong_way "
    "out_of_place bone_broken",
    "headhit": "head_injury head_trauma hit_head bang_head bump_head struck_head knock_head "
    "injury_head head_bang concussion tbi hit_on_head blow_to_head blow_head land_on_head "
    "head_contusion hit_back_of_head cracked_head smack_head head_injured fell_on_head "
    "fall_head bashed_head whacked_head hit_forehead",
    "neckstiff": "stiff_neck neck_stiff neck_rigid cant_bend_neck nuchal_rigidity "
    "cant_touch_chin neck_is_stiff neck_stiffness meningism cant_put_chin stiffness_of_neck",
    "photophobia": "photophobia light_hurt bright_light cant_look_at_light cant_stand_light "
    "light_bother sensitive_light sensitive_to_light lights_hurt",
    "exert": "exercise exertion run workout jog football match climb gym sport walk_upstairs "
    "walking_uphill uphill training race",
    "pregnant": "pregnant week_pregnant gestation trimester expecting iup antenatal gravida",
    "disease": "stroke heart_attack MI cva tia myocardial_infarction meningitis sepsis "
    "appendicitis cancer blood_clot pulmonary_embolism dvt PE anaphylaxis anaphylactic "
    "brain_tumor brain_hemorrhage aneurysm pneumonia asthma diabetic diabetes epilepsy seizure "
    "angina heart_failure copd kidney_failure ectopic torsion leukemia covid rabies tetanus "
    "diabetes_mellitus dm heart_disease heart_condition hypertension htn encephalitis stemi "
    "cardiac_arrest aortic_dissection pneumothorax pancreatitis cholecystitis suicide "
    "self_harm overdose kidney_stone migraine tb hiv miscarry ulcer gi_bleed aaa afib "
    "atrial_fibrillation collapsed_lung heart_trouble heart_problem bowel_obstruction "
    "preeclampsia eclampsia dka hypoglycemia ICH SAH intracranial_hemorrhage flu measles "
    "chickenpox lung_cancer breast_cancer colon_cancer high_blood_pressure hives rash gout "
    "food_poisoning scabies head_lice arthritis allergy depression anxiety heart_surgery bypass "
    "stent cabg pci clot infect strep",
    "verb": "start began can cant",
    "minorpart": "finger toe thumb fingertip toenail nail fingernail",
    "smallcut": "cut graze scrape scratch abrasion papercut paper_cut nick",
    "worse": "worse progressive deteriorat rapid get_worse increasing spread",
    "radiatesite": "arm jaw neck shoulder back",
    "doctorwords": "refill prescription sick_note certificate repeat_prescription vaccination",
}
