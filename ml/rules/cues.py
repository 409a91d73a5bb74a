"""Words that change what a statement means: negation, other people, the past, supposition.

Keys are the tags that `scope` reads; phrases use `_` between words. Longest phrase wins, so the
pseudo-negations under `=plain` ("no relief", "not sure") take the negator out of play.
"""

from typing import Final

# What makes the name of a disease a piece of paper, a shelf or a class.
_PAPER: Final = (
    "jab vaccine vaccination letter leaflet form clinic nurse charity course training "
    "awareness certificate card bracelet prevention drill ward unit association support_group "
    "insurance booster poster talk workshop fundraiser"
)
_NAMED_DISEASES: Final = (
    "stroke heart_attack meningitis sepsis anaphylaxis suicide seizure epilepsy asthma cancer "
    "diabetes overdose angina flu tetanus rabies diabetic dvt fit chest_pain first_aid"
)
ON_PAPER: Final = " ".join(
    f"{disease}_{noun}" for disease in _NAMED_DISEASES.split() for noun in _PAPER.split()
)
_MONTHS: Final = (
    "january february march april may june july august september october november december "
    "spring summer autumn winter christmas xmas easter"
)
_AGES: Final = (
    "three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty young little kid child teenager toddler small school uni "
    "student twenties thirties 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 25 30"
)
# "Not responding to antibiotics" is no coma.
_TREATMENTS: Final = (
    "antibiotic oral iv treatment medication medicine tablet inhaler nebuliser nebulizer "
    "painkiller paracetamol ibuprofen fluid cream ointment therapy analgesia steroid drug"
)
_UNTREATED: Final = " ".join(
    f"{verb}_{treatment}"
    for treatment in _TREATMENTS.split()
    for verb in ("not_respond", "no_response", "hasnt_respond", "dont_respond", "unresponsive")
)
_LONG_AGO: Final = " ".join(
    (
        *(f"{word}_{month}" for month in _MONTHS.split() for word in ("back", "last")),
        *(f"when_{age}" for age in _AGES.split()),
    )
)
# "When 10 minutes into a run" is no age.
_NO_AGE: Final = " ".join(
    f"when_{age}_{unit}"
    for age in _AGES.split()
    for unit in ("minute", "hour", "week", "month", "day", "pm", "am", "mile", "people")
)

CUES: Final = {
    # Forward over a whole list: "denies chest pain, dyspnea, palpitations".
    "#deny": "denies denied deny denying negative_for free_of no_history_of no_hx_of no_h/o "
    "no_complaint_of no_complaints_of absence_of no_sign_of no_signs_of no_evidence_of "
    "no_symptoms_of without_any never_had neither nobody_family no_one_family noone_family "
    "none_family nobody_else no_one_else",
    # Forward within one statement.
    "#no": "no without w/o nil never no_more no_longer no_further non",
    # Forward over the next few words only.
    "#not": "not dont hasnt wasnt isnt  instead_of",
    # Backward over its own part of the statement: "chest pain: denied".
    "#denied": "denied absent none negative nil ruled_out not_present not_reported excluded (-) "
    "not_seen never_happened",
    "=plain": "no_relief no_improvement not_improve not_improving no_better not_better "
    "not_get_better not_sure no_doubt not_only no_change without_relief no_idea "
    "not_go_away wont_go_away not_going_away dont_go_away not_stop hasnt_stop wont_stop dont_stop "
    "hasnt_gone_away hasnt_go_away hasnt_improve hasnt_gone hasnt_get_better "
    "not_gone not_resolve hasnt_resolve not_help dont_help hasnt_help dont_know not_know "
    "dont_understand not_normal not_right not_work hasnt_slept hasnt_sleep not_sleep dont_sleep "
    "cant_sleep dont_think hasnt_eat dont_want dont_like not_settle wont_settle not_respond "
    "no_wonder not_usual unlike_usual no_matter no_reason for_no_reason no_warning "
    "without_warning not_cope cant_cope no_one nobody "
    "nothing_help nothing_work no_appointment dont_care not_feel_well dont_feel_well not_well "
    "not_feel_right dont_feel_right not_himself not_herself no_trauma_history never_like_this "
    "never_felt_like_this never_had_before "
    "never_had_anything_like never_had_this not_ease no_ease not_touch "
    "not_let_up wont_let_up not_yet not_long not_too not_much not_really "
    "medication_not cant_wait cant_stand no_energy no_appetite no_taste no_smell",
    "=untreated": _UNTREATED,
    # A sign that is missing is a finding.
    "=finding": "absent_cremasteric absent_reflex absent_pulse absent_bowel_sound "
    "absent_breath_sound",
    # An age is no duration.
    "=noage": _NO_AGE,
    "=paper": ON_PAPER,
    "=age": "month_old months_old year_old week_old day_old yr_old mo_old y/o yo year_of_age "
    "year_older",
    # Words of the lexicon in another sense.
    "=idiom": "food_poison food_poisoning "
    "seizure_medication epilepsy_medication heart_medication stroke_medication "
    "stroke_luck stroke_bad_luck stroke_good_luck seizure_tablet heart_tablet fit_and_well "
    "keep_fit fit_well dont_fit get_fit physically_fit fit_for_work stroke_patient "
    "stroke_victim_carer shot_vitamin vitamin_shot b12_shot fear_of_choking booster_shot "
    "cortisone_shot tetanus_shot flu_shot allergy_shot steroid_shot shot_due choked_up "
    "choke_up breast_stroke stroke_clinic stroke_unit stroke_nurse stroke_ward "
    "cancer_clinic every_four_hour every_4_hour every_six_hour every_6_hour "
    "every_three_hour every_3_hour every_few_hour blue_inhaler floppy_hat floppy_ears "
    "fitting_well cant_breath_through cant_breath_nose hot_water_bottle bruise_turn_blue "
    "bruise_gone_blue drown_snot drown_work drown_paperwork drown_debt drown_sorrow "
    "drown_mucus drown_phlegm drown_email drown_homework stroke_cat stroke_dog "
    "stroke_kitten stroke_genius die_know die_see die_go die_ask die_try die_for die_thirst "
    "die_laugh kill_time attack_giggle attack_hiccup attack_nerve head_over_heel head_heel "
    "over_heel will_have_fit fell_head_over_heel had_fit_giggle had_fit_laughter "
    "have_fit_giggle insurance_people insurance_company fit_giggle fit_laugh fit_laughter "
    "fit_rage fit_temper fit_anger hissy_fit fit_fiddle fit_healthy fit_sneeze sneeze_fit "
    "fit_like_glove seizure_free fit_free cancer_free overdose_chocolate overdose_sun "
    "photo_shoot clay_shooting shooting_club shoot_hoops shotgun_licence shotgun_license "
    "gun_licence gun_license shotgun_certificate coil_fit coil_fitting fitting_room "
    "fitting_appointment loose_fitting ill_fitting fitting_clothes crown_fitting "
    "denture_fitting shoe_fitting ball_foot came_off_skateboard came_off_bike "
    "came_off_scooter came_off_swing came_off_trampoline nv_intact nvi neurovascular_intact "
    "up_wall driving_me_up_wall bridge_work dental_bridge bridge_tooth train_ticket "
    "training heart_stop_pretty broke_heart attack_panic running_late running_out "
    "killing_two_birds dressed_kill dead_skin dead_tired dead_leg dead_end "
    "drop_dead_gorgeous dead_easy brain_dead_tired mind_blank bleeding_nuisance "
    "bloody_nuisance bloody_annoying hangover hang_nail get_hang shoot_up_price face_lift "
    "face_mask face_cream heart_clinic diabetes_clinic stroke_of heart_break break_heart "
    "breakup break_up eye_drop eye_drops hit_gym chest_of_drawers funny_bone break_out "
    "die_to_get dying_to break_up_with heart_to_heart stroke_play cold_water cold_drink "
    "stomach_in_knots cold_weather feel_cold_room",
    "#list": "or nor",
    "#and": "and",
    "#but": "but however although though except yet whereas because apart_from other_than despite "
    "otherwise",
    "#now": "now today currently present presents presented presenting c/o complain complains "
    "complaining report reports reported came attend attended arrive tonight this_morning "
    "developed develop noticed woke recently brought started start began suddenly sudden with has",
    "#ongoing": "since for_past past_day past_week for_last lasting x_day x_week",
    "#rel": "father mother dad mum mom mam "
    "brother sister husband wife uncle aunt cousin "
    "grandfather grandmother grandad granddad grandma grandpa gran nan granny partner boyfriend "
    "girlfriend friend neighbor neighbour colleague coworker co_worker roommate flatmate "
    "classmate parent parents relative sibling people everyone flatmates boss "
    "teammate in_law fiance fiancee spouse",
    "#child": "son daughter child grandson granddaughter grandchild nephew niece kid toddler",
    "#fam": "family_history family_hx family_h/o fhx fh run_in_family runs_in_family "
    "family_member family_members f/h strong_family_history child_school children_at_school "
    "people_at_work boy_class girl_class lad_school friend_school someone_school "
    "someone_work someone_know someone_knew someone_class somebody_work somebody_know",
    "#past": "had died die pass_away passed_away suffered diagnosed diagnos survived recovered "
    "used_to lost was_treated",
    "#recent": "today minute_ago minutes_ago hour_ago hours_ago hr_ago hrs_ago min_ago mins_ago "
    "just_now right_now this_morning tonight last_night this_afternoon this_evening currently",
    "#hist": "h/o history hx history_of hx_of previous previously prior pmh pmhx past_history "
    "past_medical_history past_hx known_case_of used_to used_to_have formerly old_history "
    "medical_history known_history_of survivor",
    "#former": "past old remote known ex",
    "=course": "day_history week_history month_history hour_history year_history day_hx week_hx "
    "day_history_of week_history_of month_history_of hour_history_of year_history_of "
    "month_hx hour_hx hr_history for_past for_last",
    "#ago": f"{_LONG_AGO} years_back year_back "
    "months_back last_christmas year_ago years_ago month_ago months_ago last_year last_month "
    "decade_ago decades_ago "
    "yrs_ago yr_ago childhood when_was_child "
    "when_was_young long_time_ago previously in_2010 in_2011 in_2012 in_2013 in_2014 "
    "in_2015 in_2016 in_2017 in_2018 in_2019 in_2020 in_2021 in_2022 in_2023 in_2024",
    "#began": "since began begin started start ever_since",
    "#gone": "resolved resolve gone went_away go_away_now has_stopped now_stopped stopped "
    "gone_away subsided subside disappeared disappear cleared_up has_passed "
    "back_to_normal better_now fine_now ok_now okay_now all_better completely_better "
    "settled has_settled feel_fine_now self_resolved no_symptoms_now normal_now stopped_now "
    "stop_now settle_now has_cleared all_gone recovered_fully fully_recovered recovered "
    "symptom_free pain_free fine_again all_fine well_now mended all_mended healed_fully "
    "fully_healed discharged_from_fracture wore_off worn_off",
    # "stopped breathing" is no recovery.
    "=stopped": "stop_breath stop_breathing stop_move stop_moving stop_drink stop_eat stop_feed "
    "stop_respond stop_take stop_taking stop_pee stop_work stop_work_out stop_kick "
    "stop_talk heart_stop heart_stopped cant_stop stop_medication stop_smoking stop_cry "
    "stopped_being_able stop_able has_stop_work has_stop_breath has_stop_move has_stop_eat "
    "has_stop_drink has_stop_feed has_stop_respond has_stop_pee has_stop_kick has_stop_talk "
    "has_stop_take",
    "#hypo": "worried worry afraid scared fear fearing frightened concern concerned paranoid "
    "anxious could_it_be could_be could_this_be isthis might might_be may_be wonder wondering "
    "isit could_i_have do_i_have might_have panic_about terrified_of terrified google googled "
    "risk_of chance_of check_for checked_for test_for tested_for screening_for vaccine "
    "vaccinated vaccination immunised immunized "
    "vaccine_against exposed_to contact_with contact prevent avoid advice_about question_about "
    "asking_about ask_about information_about rule_out_wants",
    "#suppose": "what_if if_get if_i_get if_develop should_i_get what_are_the_signs "
    "what_are_signs signs_of_what symptoms_of_what sign_to_watch watch_out_for how_to_recognise "
    "how_do_i_know_if how_know_if what_to_do_if what_do_if can_cause could_cause cause_of "
    "do_not_want_to_get read_about heard_about article_about dreamt dreamed watched_video_about "
    "training_for first_aid_course prevention_of",
    "#query": "r/o rule_out rule/out",
}

# The cues that change what is said of others by themselves. The rest only end what one of these
# began, or tell what else stands there.
MARKING: Final = frozenset(
    {
        *("#deny", "#no", "#not", "#denied", "#gone", "#hypo", "#suppose", "#query"),
        *("#rel", "#fam", "#hist", "#former", "#ago"),
    }
)

# Of those who speak of themselves: "i" before one of these is a carer's word, not a symptom.
CARER_VERBS: Final = frozenset(
    [
        "think",
        "thought",
        "found",
        "find",
        "call",
        "believe",
        "need",
        "know",
        "knew",
        "notice",
        "saw",
        "see",
        "gave",
        "give",
        "cannot",
        "want",
        "am",
        "worry",
        "suspect",
        "guess",
        "hear",
        "heard",
        "try",
        "tried",
        "woke",
        "brought",
        "bring",
        "took",
        "take",
    ]
)
