--
-- PostgreSQL database dump
--

\restrict pbXylbVg7yETEcCsLLqWwXO9FNTD21UYw9Q4KqttFBYwBcEf2g4GmYua3StVwYK

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: attempts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.attempts (
    workload_id character varying(16) NOT NULL,
    attempt integer NOT NULL,
    state character varying(10) NOT NULL,
    reason character varying(40),
    message text,
    machine character varying(255),
    starting_at bigint NOT NULL,
    started_at bigint,
    ended_at bigint,
    exit_code integer,
    cpu_s double precision,
    wall_s double precision,
    max_memory_bytes bigint,
    log_bytes bigint NOT NULL,
    log_dropped_bytes bigint NOT NULL,
    progress json
);


--
-- Name: dataset_aliases; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dataset_aliases (
    dataset_id character varying(16) NOT NULL,
    alias character varying(40) NOT NULL,
    version_id character varying(16) NOT NULL
);


--
-- Name: dataset_checks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dataset_checks (
    project_id character varying(16) NOT NULL,
    tree character varying(64) NOT NULL,
    task_id character varying(16) NOT NULL,
    state character varying(10) NOT NULL,
    message text,
    found character varying(64),
    began_at bigint NOT NULL,
    ended_at bigint
);


--
-- Name: dataset_draft_files; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dataset_draft_files (
    draft_id character varying(16) NOT NULL,
    path character varying(1024) NOT NULL,
    size bigint NOT NULL,
    digest character varying(64),
    executable boolean NOT NULL
);


--
-- Name: dataset_drafts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dataset_drafts (
    id character varying(16) NOT NULL,
    dataset_id character varying(16) NOT NULL,
    base_id character varying(16),
    seen_number integer NOT NULL,
    changes integer NOT NULL,
    brief boolean NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL,
    updated_at bigint NOT NULL
);


--
-- Name: dataset_imports; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dataset_imports (
    id character varying(16) NOT NULL,
    draft_id character varying(16) NOT NULL,
    archive character varying(1024),
    server_path text,
    "into" character varying(1024) NOT NULL,
    based boolean NOT NULL,
    state character varying(16) NOT NULL,
    message text,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL
);


--
-- Name: dataset_previews; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dataset_previews (
    project_id character varying(16) NOT NULL,
    tree character varying(64) NOT NULL,
    task_id character varying(16) NOT NULL,
    state character varying(16) NOT NULL,
    message text,
    data character varying(64),
    sheet character varying(64),
    created_at bigint NOT NULL
);


--
-- Name: dataset_uploads; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dataset_uploads (
    id character varying(16) NOT NULL,
    draft_id character varying(16) NOT NULL,
    path character varying(1024) NOT NULL,
    size bigint NOT NULL,
    executable boolean NOT NULL,
    digest character varying(64),
    created_at bigint NOT NULL
);


--
-- Name: dataset_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dataset_versions (
    id character varying(16) NOT NULL,
    dataset_id character varying(16) NOT NULL,
    number integer NOT NULL,
    note text NOT NULL,
    tree character varying(64) NOT NULL,
    files integer NOT NULL,
    size bigint NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL,
    deleted_at bigint
);


--
-- Name: datasets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.datasets (
    id character varying(16) NOT NULL,
    project_id character varying(16) NOT NULL,
    name character varying(40) NOT NULL,
    labels json NOT NULL,
    spec json NOT NULL,
    version integer NOT NULL,
    last_number integer NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL,
    updated_at bigint NOT NULL,
    deleted_at bigint
);


--
-- Name: endpoint_revisions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.endpoint_revisions (
    id character varying(16) NOT NULL,
    endpoint_id character varying(16) NOT NULL,
    number integer NOT NULL,
    spec json NOT NULL,
    source json NOT NULL,
    weight integer NOT NULL,
    ready_attempt integer NOT NULL,
    served_at bigint,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL
);


--
-- Name: endpoint_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.endpoint_tokens (
    id character varying(16) NOT NULL,
    endpoint_id character varying(16) NOT NULL,
    hash character varying(64) NOT NULL,
    hint character varying(20) NOT NULL,
    note character varying(200) NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL,
    expires_at bigint
);


--
-- Name: endpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.endpoints (
    id character varying(16) NOT NULL,
    project_id character varying(16) NOT NULL,
    name character varying(40) NOT NULL,
    labels json NOT NULL,
    is_wanted boolean NOT NULL,
    next_id character varying(16),
    next_attempt integer NOT NULL,
    next_weight integer NOT NULL,
    message text,
    version integer NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL,
    updated_at bigint NOT NULL,
    deleted_at bigint
);


--
-- Name: events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events (
    id bigint NOT NULL,
    kind character varying(60) NOT NULL,
    at bigint NOT NULL,
    project_id character varying(16),
    subject_kind character varying(20) NOT NULL,
    subject_id character varying(40) NOT NULL,
    subject_name character varying(255) NOT NULL,
    person_id character varying(16),
    data json NOT NULL
);


--
-- Name: experiments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.experiments (
    id character varying(16) NOT NULL,
    project_id character varying(16) NOT NULL,
    name character varying(40) NOT NULL,
    labels json NOT NULL,
    spec json NOT NULL,
    version integer NOT NULL,
    state character varying(10) NOT NULL,
    reason character varying(40),
    message text,
    run_by character varying(16) NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL,
    updated_at bigint NOT NULL,
    deleted_at bigint
);


--
-- Name: idempotency; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.idempotency (
    person_id character varying(16) NOT NULL,
    key character varying(255) NOT NULL,
    fingerprint character varying(64) NOT NULL,
    made_id character varying(16) NOT NULL,
    at bigint NOT NULL
);


--
-- Name: jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.jobs (
    id character varying(16) NOT NULL,
    project_id character varying(16) NOT NULL,
    name character varying(40) NOT NULL,
    labels json NOT NULL,
    spec json NOT NULL,
    version integer NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL,
    updated_at bigint NOT NULL,
    deleted_at bigint,
    part_of character varying(80),
    inputs json
);


--
-- Name: links; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.links (
    from_id character varying(80) NOT NULL,
    to_id character varying(80) NOT NULL,
    kind character varying(40) NOT NULL
);


--
-- Name: members; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.members (
    project_id character varying(16) NOT NULL,
    kind character varying(6) NOT NULL,
    member character varying(255) NOT NULL,
    role character varying(6) NOT NULL
);


--
-- Name: metrics; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.metrics (
    id bigint NOT NULL,
    workload_id character varying(16) NOT NULL,
    attempt integer NOT NULL,
    name character varying(255) NOT NULL,
    step bigint NOT NULL,
    value double precision NOT NULL,
    at bigint NOT NULL,
    source character varying(20)
);


--
-- Name: metrics_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.metrics_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: metrics_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.metrics_id_seq OWNED BY public.metrics.id;


--
-- Name: mlflow_mirror; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mlflow_mirror (
    id integer NOT NULL,
    metric_id bigint NOT NULL
);


--
-- Name: mlflow_runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mlflow_runs (
    workload_id character varying(16) NOT NULL,
    attempt integer NOT NULL,
    project_id character varying(16) NOT NULL,
    run_id character varying(32) NOT NULL,
    claimed boolean NOT NULL,
    ended boolean NOT NULL
);


--
-- Name: model_aliases; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.model_aliases (
    model_id character varying(16) NOT NULL,
    alias character varying(40) NOT NULL,
    version_id character varying(16) NOT NULL
);


--
-- Name: model_evaluations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.model_evaluations (
    job_id character varying(16) NOT NULL,
    version_id character varying(16) NOT NULL,
    dataset character varying(100) NOT NULL,
    target character varying(500) NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL
);


--
-- Name: model_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.model_versions (
    id character varying(16) NOT NULL,
    model_id character varying(16) NOT NULL,
    number integer NOT NULL,
    description text NOT NULL,
    source json NOT NULL,
    tree character varying(64),
    files integer NOT NULL,
    size bigint NOT NULL,
    manifest json NOT NULL,
    environment character varying(40),
    metrics json NOT NULL,
    parameters json NOT NULL,
    problem text,
    version integer NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL,
    updated_at bigint NOT NULL
);


--
-- Name: models; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.models (
    id character varying(16) NOT NULL,
    project_id character varying(16) NOT NULL,
    name character varying(250) NOT NULL,
    labels json NOT NULL,
    spec json NOT NULL,
    version integer NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL,
    updated_at bigint NOT NULL
);


--
-- Name: objects; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.objects (
    project_id character varying(16) NOT NULL,
    digest character varying(64) NOT NULL,
    size bigint NOT NULL,
    created_at bigint NOT NULL
);


--
-- Name: outputs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outputs (
    workload_id character varying(16) NOT NULL,
    attempt integer NOT NULL,
    path character varying(1024) NOT NULL,
    size bigint NOT NULL,
    digest character varying(64) NOT NULL
);


--
-- Name: people; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.people (
    id character varying(16) NOT NULL,
    name character varying(255) NOT NULL,
    hub_created character varying(40) NOT NULL,
    number integer NOT NULL,
    groups json NOT NULL,
    created_at bigint NOT NULL
);


--
-- Name: projects; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects (
    id character varying(16) NOT NULL,
    name character varying(40) NOT NULL,
    title character varying(200) NOT NULL,
    description text NOT NULL,
    labels json NOT NULL,
    personal_of character varying(16),
    number integer NOT NULL,
    version integer NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(16) NOT NULL,
    updated_at bigint NOT NULL,
    deleted_at bigint
);


--
-- Name: secrets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.secrets (
    project_id character varying(16) NOT NULL,
    name character varying(128) NOT NULL,
    value bytea NOT NULL,
    updated_at bigint NOT NULL,
    updated_by character varying(16) NOT NULL
);


--
-- Name: tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tokens (
    id character varying(16) NOT NULL,
    person_id character varying(16) NOT NULL,
    hash character varying(64) NOT NULL,
    note character varying(200) NOT NULL,
    scopes json NOT NULL,
    project_id character varying(16),
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    deleted_at bigint
);


--
-- Name: trials; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.trials (
    experiment_id character varying(16) NOT NULL,
    number integer NOT NULL,
    job_id character varying(16) NOT NULL,
    parameters json NOT NULL,
    notes json NOT NULL,
    state character varying(10) NOT NULL,
    "values" json,
    message text,
    pruned_step bigint,
    created_at bigint NOT NULL,
    ended_at bigint
);


--
-- Name: workloads; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workloads (
    id character varying(16) NOT NULL,
    kind character varying(20) NOT NULL,
    name character varying(255) NOT NULL,
    project_id character varying(16) NOT NULL,
    person_id character varying(16) NOT NULL,
    spec json NOT NULL,
    needs_id character varying(16),
    priority integer NOT NULL,
    state character varying(10) NOT NULL,
    attempt integer NOT NULL,
    reason character varying(40),
    message text,
    machine character varying(255),
    devices json NOT NULL,
    restarts integer NOT NULL,
    tries integer NOT NULL,
    created_at bigint NOT NULL,
    queued_at bigint NOT NULL,
    started_at bigint,
    ended_at bigint
);


--
-- Name: metrics id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.metrics ALTER COLUMN id SET DEFAULT nextval('public.metrics_id_seq'::regclass);


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.alembic_version (version_num) FROM stdin;
0002
\.


--
-- Data for Name: attempts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.attempts (workload_id, attempt, state, reason, message, machine, starting_at, started_at, ended_at, exit_code, cpu_s, wall_s, max_memory_bytes, log_bytes, log_dropped_bytes, progress) FROM stdin;
pte2ztas36fauw5g	1	SUCCEEDED	\N	\N	vm	1795304078211659	1795304078876355	1795304079058699	0	0.041	0.119	23650304	5	0	null
cugir6tz2ao5dszs	1	FAILED	user_error	It ended with exit code 3.	vm	1795304079139541	1795304079148173	1795304079150689	3	0.001	0	23781376	3	0	null
cugir6tz2ao5dszs	2	FAILED	user_error	It ended with exit code 3.	vm	1795304079161992	1795304079173738	1795304079191508	3	0.001	0.003	23781376	3	0	null
y6ywtgjykngeaowz	1	STOPPED	stopped_by_user	It was stopped.	vm	1795304079218074	1795304079229724	1795304079279961	143	0.001	0.029	23781376	0	0	null
wmssetqlz4zbv3gm	1	SUCCEEDED	\N	\N	vm	1795304079408361	1795304079431595	1795304079445967	0	0.001	0	23781376	0	0	null
z7bf37y4pao5cv32	1	SUCCEEDED	\N	\N	vm	1795304080734936	1795304081492167	1795304083236434	0	0.366	1.645	130011136	19	0	{"message":"Looked at 1 files.","fraction":1.0}
fffalyon7n3umx77	1	SUCCEEDED	\N	\N	vm	1795304080078578	1795304081058312	1795304083342145	0	0.339	2.189	77688832	19	0	{"message":"Looked at 1 files.","fraction":1.0}
ndghqgsaehticrqf	1	SUCCEEDED	\N	\N	vm	1795304083458486	1795304084097002	1795304084997987	0	0.064	0.622	23457792	20	0	{"message":"Read 1 files again.","fraction":1.0}
cqmn4g4rxq4ddgyj	1	SUCCEEDED	\N	\N	vm	1795304085627933	1795304086590003	1795304086984881	0	0.075	0.368	23617536	28	0	{"message":"Unpacked 1 files, 16 bytes.","fraction":1.0}
rrrnmv3p6xzp2fvp	1	SUCCEEDED	\N	\N	vm	1795304089840897	1795304089954175	1795304090628013	0	0.145	0.63	35852288	20	0	null
euimuqfp5evwqzg3	1	SUCCEEDED	\N	\N	vm	1795304089840897	1795304089933372	1795304091451567	0	0.164	1.473	36106240	20	0	null
qgttppu4mcf6ozee	1	SUCCEEDED	\N	\N	vm	1795304090682644	1795304090746520	1795304092825996	0	0.155	2.052	36069376	20	0	null
ugorlh5vhzlc3unv	1	SUCCEEDED	\N	\N	vm	1795304093519177	1795304094037437	1795304113351057	0	4.157	19.136	234471424	177	0	null
sckgxw2hqbywpvi3	1	RUNNING	\N	\N	vm	1795304130019989	1795304130089719	\N	\N	\N	\N	\N	0	0	\N
n3jejti6vzchxnid	1	SUCCEEDED	\N	\N	vm	1795304129926630	1795304130654349	1795304132319259	0	0.366	1.621	117321728	19	0	{"message":"Looked at 6 files.","fraction":1.0}
dd7sawwf6cd2un5x	1	SUCCEEDED	\N	\N	vm	1795304152962832	1795304153553919	1795304153598624	0	0.001	0.017	23613440	0	0	null
ckiagyraz3o6tf4n	1	STOPPED	stopped_by_user	It was stopped.	vm	1795304140641273	1795304141038798	1795304153993083	143	3.735	12.952	232112128	17	0	{"ready":true}
oioy2vu46aajnisn	1	STOPPED	stopped_by_user	It was stopped.	vm	1795304130130592	1795304130726391	1795304154022724	143	3.642	23.293	231583744	17	0	{"ready":true}
\.


--
-- Data for Name: dataset_aliases; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_aliases (dataset_id, alias, version_id) FROM stdin;
lnhf3vkrlcjm2o4x	gold	hfl2sfinjofepy3h
\.


--
-- Data for Name: dataset_checks; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_checks (project_id, tree, task_id, state, message, found, began_at, ended_at) FROM stdin;
f3zvp4yyg4mi22mg	07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14	ndghqgsaehticrqf	SUCCEEDED	\N	07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14	1795304083435943	1795304084997987
\.


--
-- Data for Name: dataset_draft_files; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_draft_files (draft_id, path, size, digest, executable) FROM stdin;
\.


--
-- Data for Name: dataset_drafts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_drafts (id, dataset_id, base_id, seen_number, changes, brief, created_at, created_by, updated_at) FROM stdin;
yctscj7n4wabh62x	lnhf3vkrlcjm2o4x	\N	2	0	f	1795304152804771	sw43tlqmixxv7zky	1795304152804771
\.


--
-- Data for Name: dataset_imports; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_imports (id, draft_id, archive, server_path, "into", based, state, message, created_at, created_by) FROM stdin;
\.


--
-- Data for Name: dataset_previews; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_previews (project_id, tree, task_id, state, message, data, sheet, created_at) FROM stdin;
f3zvp4yyg4mi22mg	803ef719403920626d950ff0af26fda1c73732a64784edfb22f9e344a5335096	z7bf37y4pao5cv32	SUCCEEDED	\N	920a7003f35db89c42dc500905e7c98ee7013fd6f64053b53ce4c3295efbb12c	\N	1795304080652761
f3zvp4yyg4mi22mg	07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14	fffalyon7n3umx77	SUCCEEDED	\N	d713124dcd64dd5aed5d81c7ef2d396d649a31ff434ef3702e994c8ba882091c	\N	1795304080051059
f3zvp4yyg4mi22mg	b81792d6db0eebcef56f7ed722851d978b14decfe4d6b212a7ec307f58820579	n3jejti6vzchxnid	SUCCEEDED	\N	aa52c6ceb71eac557b42cac29397f3d105fd15c243858fda39e34b541d48fa58	\N	1795304129916686
\.


--
-- Data for Name: dataset_uploads; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_uploads (id, draft_id, path, size, executable, digest, created_at) FROM stdin;
\.


--
-- Data for Name: dataset_versions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_versions (id, dataset_id, number, note, tree, files, size, created_at, created_by, deleted_at) FROM stdin;
hfl2sfinjofepy3h	lnhf3vkrlcjm2o4x	1		07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14	1	12	1795304080034152	sw43tlqmixxv7zky	\N
ocrjfxo74tbtlj2s	lnhf3vkrlcjm2o4x	2		803ef719403920626d950ff0af26fda1c73732a64784edfb22f9e344a5335096	1	16	1795304080630480	sw43tlqmixxv7zky	\N
p3n5xjzbsecaqudb	yi4gleh5sraqeqwj	1		803ef719403920626d950ff0af26fda1c73732a64784edfb22f9e344a5335096	1	16	1795304087187158	sw43tlqmixxv7zky	\N
l5c7c32km7iqz66h	pnx6lzwsok4lat2f	1		b81792d6db0eebcef56f7ed722851d978b14decfe4d6b212a7ec307f58820579	6	15107	1795304129900658	sw43tlqmixxv7zky	\N
\.


--
-- Data for Name: datasets; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.datasets (id, project_id, name, labels, spec, version, last_number, created_at, created_by, updated_at, deleted_at) FROM stdin;
lnhf3vkrlcjm2o4x	f3zvp4yyg4mi22mg	numbers	{}	{"title":"","description":"","license":"","keywords":[]}	1	2	1795304079686464	sw43tlqmixxv7zky	1795304080630480	\N
yi4gleh5sraqeqwj	f3zvp4yyg4mi22mg	packed	{}	{"title":"","description":"","license":"","keywords":[]}	1	1	1795304085275862	sw43tlqmixxv7zky	1795304087187158	1795304087320782
pnx6lzwsok4lat2f	f3zvp4yyg4mi22mg	flowers	{}	{"title":"","description":"","license":"","keywords":[]}	1	1	1795304129835696	sw43tlqmixxv7zky	1795304129900658	\N
\.


--
-- Data for Name: endpoint_revisions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.endpoint_revisions (id, endpoint_id, number, spec, source, weight, ready_attempt, served_at, created_at, created_by) FROM stdin;
oioy2vu46aajnisn	bn5toa57qvzz227k	1	{"model":"flowers@champion","files":null,"profile":"scikit-learn","size":"small","environment":"scikit-learn","env":{},"secrets":[]}	{"files":"7ade5852e51d6f77edf336175c4ea0b9fc413c8866396b0427fa9dacb594b5fe","path":"","title":"flowers","environment":"scikit-learn","asks_for":["mlflow==3.17.2","scikit-learn","skops"],"requirements":null,"packages":null,"model":{"name":"flowers","version":"1"},"version_id":"tbqk7ma6yrxtnjdi","served_as":"flowers"}	0	1	1795304140410998	1795304130062638	sw43tlqmixxv7zky
ckiagyraz3o6tf4n	bn5toa57qvzz227k	2	{"model":"flowers@1","files":null,"profile":"scikit-learn","size":"small","environment":"scikit-learn","env":{},"secrets":[]}	{"files":"7ade5852e51d6f77edf336175c4ea0b9fc413c8866396b0427fa9dacb594b5fe","path":"","title":"flowers","environment":"scikit-learn","asks_for":["mlflow==3.17.2","scikit-learn","skops"],"requirements":null,"packages":null,"model":{"name":"flowers","version":"1"},"version_id":"tbqk7ma6yrxtnjdi","served_as":"flowers"}	100	1	1795304152605073	1795304140611160	sw43tlqmixxv7zky
\.


--
-- Data for Name: endpoint_tokens; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.endpoint_tokens (id, endpoint_id, hash, hint, note, created_at, created_by, expires_at) FROM stdin;
em5sz42ksn77lcdn	bn5toa57qvzz227k	29f917688e44f16fa5fc162c46ddda2248f664d0c97daac2aad676b96d78b29d	him_end_KvBb	of the release	1795304140484259	sw43tlqmixxv7zky	\N
\.


--
-- Data for Name: endpoints; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.endpoints (id, project_id, name, labels, is_wanted, next_id, next_attempt, next_weight, message, version, created_at, created_by, updated_at, deleted_at) FROM stdin;
bn5toa57qvzz227k	f3zvp4yyg4mi22mg	flowers	{}	f	\N	1	100	\N	3	1795304130055296	sw43tlqmixxv7zky	1795304152755916	\N
\.


--
-- Data for Name: events; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events (id, kind, at, project_id, subject_kind, subject_id, subject_name, person_id, data) FROM stdin;
1	token.created	1795304076133007	\N	token	njsqu5ceptp3heq7	tests	sw43tlqmixxv7zky	{}
2	project.created	1795304076492052	f3zvp4yyg4mi22mg	project	f3zvp4yyg4mi22mg	ada	sw43tlqmixxv7zky	{}
3	token.created	1795304077371190	\N	token	m6l5ssx6fe43ystr	tests	m6cxl25tu2uux224	{}
4	project.created	1795304077482555	bzq4uhftewpvfdnm	project	bzq4uhftewpvfdnm	bob	m6cxl25tu2uux224	{}
5	project.created	1795304077547153	usbnt4vxvaqz4psh	project	usbnt4vxvaqz4psh	shared	sw43tlqmixxv7zky	{}
6	project.changed	1795304077612967	usbnt4vxvaqz4psh	project	usbnt4vxvaqz4psh	shared	sw43tlqmixxv7zky	{"member":{"kind":"person","name":"bob","role":"viewer"},"member_id":"m6cxl25tu2uux224"}
7	project.changed	1795304077740347	usbnt4vxvaqz4psh	project	usbnt4vxvaqz4psh	shared	sw43tlqmixxv7zky	{"member":{"kind":"group","name":"chemistry","role":"editor"}}
8	secret.changed	1795304077852043	f3zvp4yyg4mi22mg	secret	f3zvp4yyg4mi22mg	KEY	sw43tlqmixxv7zky	{}
9	token.created	1795304077882390	\N	token	m6ugqhikrebdxrwj	a note	sw43tlqmixxv7zky	{}
10	project.created	1795304077907918	imvusafcvplyptmy	project	imvusafcvplyptmy	gone	sw43tlqmixxv7zky	{}
11	project.deleted	1795304077986444	imvusafcvplyptmy	project	imvusafcvplyptmy	gone	sw43tlqmixxv7zky	{}
12	job.created	1795304078178921	f3zvp4yyg4mi22mg	job	pte2ztas36fauw5g	train	sw43tlqmixxv7zky	{"state":"QUEUED","attempt":0}
13	job.changed	1795304078241134	f3zvp4yyg4mi22mg	job	pte2ztas36fauw5g	train	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:38.211659+00:00"}
14	job.changed	1795304078887405	f3zvp4yyg4mi22mg	job	pte2ztas36fauw5g	train	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:38.876355+00:00"}
15	job.changed	1795304079065770	f3zvp4yyg4mi22mg	job	pte2ztas36fauw5g	train	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.058699+00:00"}
16	job.created	1795304079135657	f3zvp4yyg4mi22mg	job	cugir6tz2ao5dszs	sh	sw43tlqmixxv7zky	{"state":"QUEUED","attempt":0}
17	job.changed	1795304079140899	f3zvp4yyg4mi22mg	job	cugir6tz2ao5dszs	sh	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.139541+00:00"}
18	job.changed	1795304079150670	f3zvp4yyg4mi22mg	job	cugir6tz2ao5dszs	sh	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.148173+00:00"}
19	job.changed	1795304079154031	f3zvp4yyg4mi22mg	job	cugir6tz2ao5dszs	sh	\N	{"state":"QUEUED","attempt":1,"reason":"user_error","message":"It ended with exit code 3.","owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.150689+00:00"}
20	job.changed	1795304079166207	f3zvp4yyg4mi22mg	job	cugir6tz2ao5dszs	sh	\N	{"state":"STARTING","attempt":2,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.161992+00:00"}
21	job.changed	1795304079181764	f3zvp4yyg4mi22mg	job	cugir6tz2ao5dszs	sh	\N	{"state":"RUNNING","attempt":2,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.173738+00:00"}
22	job.changed	1795304079197129	f3zvp4yyg4mi22mg	job	cugir6tz2ao5dszs	sh	\N	{"state":"FAILED","attempt":2,"reason":"user_error","message":"It ended with exit code 3.","owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.191508+00:00"}
23	job.created	1795304079211957	f3zvp4yyg4mi22mg	job	y6ywtgjykngeaowz	sleep	sw43tlqmixxv7zky	{"state":"QUEUED","attempt":0}
24	job.changed	1795304079223427	f3zvp4yyg4mi22mg	job	y6ywtgjykngeaowz	sleep	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.218074+00:00"}
25	job.changed	1795304079250009	f3zvp4yyg4mi22mg	job	y6ywtgjykngeaowz	sleep	\N	{"state":"STOPPING","attempt":1,"reason":"stopped_by_user","message":"Stopping: asked to end.","owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.247998+00:00"}
26	job.changed	1795304079292372	f3zvp4yyg4mi22mg	job	y6ywtgjykngeaowz	sleep	\N	{"state":"STOPPED","attempt":1,"reason":"stopped_by_user","message":"It was stopped.","owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.279961+00:00"}
27	job.created	1795304079400026	f3zvp4yyg4mi22mg	job	wmssetqlz4zbv3gm	true	sw43tlqmixxv7zky	{"state":"QUEUED","attempt":0}
28	job.changed	1795304079414636	f3zvp4yyg4mi22mg	job	wmssetqlz4zbv3gm	true	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.408361+00:00"}
29	job.changed	1795304079445944	f3zvp4yyg4mi22mg	job	wmssetqlz4zbv3gm	true	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.431595+00:00"}
30	job.changed	1795304079459125	f3zvp4yyg4mi22mg	job	wmssetqlz4zbv3gm	true	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:39.445967+00:00"}
31	job.deleted	1795304079531274	f3zvp4yyg4mi22mg	job	wmssetqlz4zbv3gm	true	sw43tlqmixxv7zky	{"state":"SUCCEEDED"}
32	dataset.created	1795304079688528	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{}
33	dataset.changed	1795304079739095	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"draft begun","draft":"amxhw2iwivty4pp3"}
34	dataset.changed	1795304080062647	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"added","version":1}
35	dataset.changed	1795304080082514	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"previewed","preview":"STARTING","version":1}
36	dataset.changed	1795304080230471	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"draft begun","draft":"vr3vom7xhp4trnvc"}
37	dataset.changed	1795304080673601	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"added","version":2}
38	dataset.changed	1795304080740037	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"previewed","preview":"STARTING","version":2}
39	dataset.changed	1795304080938648	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"alias":"gold","version":1}
40	dataset.changed	1795304081103039	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"previewed","preview":"RUNNING","version":1}
41	dataset.changed	1795304081522708	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"previewed","preview":"RUNNING","version":2}
42	dataset.changed	1795304083272315	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"previewed","preview":"SUCCEEDED","version":2}
43	dataset.changed	1795304083406109	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"previewed","preview":"SUCCEEDED","version":1}
44	dataset.changed	1795304083491908	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"verified","check":"STARTING","version":1}
45	dataset.changed	1795304084130504	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"verified","check":"RUNNING","version":1}
46	dataset.changed	1795304085011277	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"verified","check":"SUCCEEDED","version":1}
47	dataset.created	1795304085289913	f3zvp4yyg4mi22mg	dataset	yi4gleh5sraqeqwj	packed	sw43tlqmixxv7zky	{}
48	dataset.changed	1795304085317920	f3zvp4yyg4mi22mg	dataset	yi4gleh5sraqeqwj	packed	sw43tlqmixxv7zky	{"state":"draft begun","draft":"skzfl2a3543ljryr"}
49	dataset.changed	1795304087192817	f3zvp4yyg4mi22mg	dataset	yi4gleh5sraqeqwj	packed	sw43tlqmixxv7zky	{"state":"added","version":1}
50	dataset.deleted	1795304087343055	f3zvp4yyg4mi22mg	dataset	yi4gleh5sraqeqwj	packed	sw43tlqmixxv7zky	{}
51	experiment.created	1795304087810409	f3zvp4yyg4mi22mg	experiment	bx4s3cvazrmgax4u	searched	sw43tlqmixxv7zky	{"state":"RUNNING"}
52	job.created	1795304089774489	f3zvp4yyg4mi22mg	job	euimuqfp5evwqzg3	searched-trial-1	sw43tlqmixxv7zky	{"state":"QUEUED","attempt":0,"part_of":"experiment:bx4s3cvazrmgax4u"}
53	job.created	1795304089799664	f3zvp4yyg4mi22mg	job	rrrnmv3p6xzp2fvp	searched-trial-0	sw43tlqmixxv7zky	{"state":"QUEUED","attempt":0,"part_of":"experiment:bx4s3cvazrmgax4u"}
54	job.changed	1795304089891791	f3zvp4yyg4mi22mg	job	euimuqfp5evwqzg3	searched-trial-1	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:49.840897+00:00","part_of":"experiment:bx4s3cvazrmgax4u"}
55	job.changed	1795304089891805	f3zvp4yyg4mi22mg	job	rrrnmv3p6xzp2fvp	searched-trial-0	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:49.840897+00:00","part_of":"experiment:bx4s3cvazrmgax4u"}
56	job.changed	1795304089936247	f3zvp4yyg4mi22mg	job	euimuqfp5evwqzg3	searched-trial-1	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:49.933372+00:00","part_of":"experiment:bx4s3cvazrmgax4u"}
57	job.changed	1795304089963675	f3zvp4yyg4mi22mg	job	rrrnmv3p6xzp2fvp	searched-trial-0	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:49.954175+00:00","part_of":"experiment:bx4s3cvazrmgax4u"}
58	experiment.changed	1795304090636165	f3zvp4yyg4mi22mg	experiment	bx4s3cvazrmgax4u	searched	\N	{"trial":{"number":0,"state":"COMPLETE","values":[0.45547018983852255]}}
59	job.changed	1795304090638547	f3zvp4yyg4mi22mg	job	rrrnmv3p6xzp2fvp	searched-trial-0	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:50.628013+00:00","part_of":"experiment:bx4s3cvazrmgax4u"}
60	job.created	1795304090674089	f3zvp4yyg4mi22mg	job	qgttppu4mcf6ozee	searched-trial-2	sw43tlqmixxv7zky	{"state":"QUEUED","attempt":0,"part_of":"experiment:bx4s3cvazrmgax4u"}
61	job.changed	1795304090686046	f3zvp4yyg4mi22mg	job	qgttppu4mcf6ozee	searched-trial-2	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:50.682644+00:00","part_of":"experiment:bx4s3cvazrmgax4u"}
62	job.changed	1795304090752092	f3zvp4yyg4mi22mg	job	qgttppu4mcf6ozee	searched-trial-2	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:50.746520+00:00","part_of":"experiment:bx4s3cvazrmgax4u"}
63	experiment.changed	1795304091462835	f3zvp4yyg4mi22mg	experiment	bx4s3cvazrmgax4u	searched	\N	{"trial":{"number":1,"state":"COMPLETE","values":[2.2329113271915046]}}
64	job.changed	1795304091566714	f3zvp4yyg4mi22mg	job	euimuqfp5evwqzg3	searched-trial-1	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:51.451567+00:00","part_of":"experiment:bx4s3cvazrmgax4u"}
65	experiment.changed	1795304092828286	f3zvp4yyg4mi22mg	experiment	bx4s3cvazrmgax4u	searched	\N	{"trial":{"number":2,"state":"COMPLETE","values":[0.17120718682074865]}}
66	job.changed	1795304092828774	f3zvp4yyg4mi22mg	job	qgttppu4mcf6ozee	searched-trial-2	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:52.825996+00:00","part_of":"experiment:bx4s3cvazrmgax4u"}
67	experiment.changed	1795304092840538	f3zvp4yyg4mi22mg	experiment	bx4s3cvazrmgax4u	searched	\N	{"state":"COMPLETE","reason":null,"message":null}
68	experiment.created	1795304093022799	f3zvp4yyg4mi22mg	experiment	is4kph7p43lz2pe5	stopped	sw43tlqmixxv7zky	{"state":"RUNNING"}
69	experiment.changed	1795304093313118	f3zvp4yyg4mi22mg	experiment	is4kph7p43lz2pe5	stopped	\N	{"state":"STOPPED","reason":"stopped_by_user","message":"Stopped. Resume it to go on."}
70	job.created	1795304093515814	f3zvp4yyg4mi22mg	job	ugorlh5vhzlc3unv	flowers	sw43tlqmixxv7zky	{"state":"QUEUED","attempt":0}
71	job.changed	1795304093522457	f3zvp4yyg4mi22mg	job	ugorlh5vhzlc3unv	flowers	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:53.519177+00:00"}
72	job.changed	1795304094102482	f3zvp4yyg4mi22mg	job	ugorlh5vhzlc3unv	flowers	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:34:54.037437+00:00"}
73	job.changed	1795304113376923	f3zvp4yyg4mi22mg	job	ugorlh5vhzlc3unv	flowers	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:35:13.351057+00:00"}
74	model.created	1795304128346008	f3zvp4yyg4mi22mg	model	bz65ipzkqb35l2vc	flowers	sw43tlqmixxv7zky	{}
75	model.changed	1795304129526401	f3zvp4yyg4mi22mg	model	bz65ipzkqb35l2vc	flowers	sw43tlqmixxv7zky	{"state":"added","version":1}
76	model.changed	1795304129773438	f3zvp4yyg4mi22mg	model	bz65ipzkqb35l2vc	flowers	sw43tlqmixxv7zky	{"state":"aliased","version":1,"alias":"champion"}
77	dataset.created	1795304129836456	f3zvp4yyg4mi22mg	dataset	pnx6lzwsok4lat2f	flowers	sw43tlqmixxv7zky	{}
78	dataset.changed	1795304129919674	f3zvp4yyg4mi22mg	dataset	pnx6lzwsok4lat2f	flowers	sw43tlqmixxv7zky	{"state":"added","version":1}
79	dataset.changed	1795304129939120	f3zvp4yyg4mi22mg	dataset	pnx6lzwsok4lat2f	flowers	sw43tlqmixxv7zky	{"state":"previewed","preview":"STARTING","version":1}
80	job.created	1795304129998201	f3zvp4yyg4mi22mg	job	sckgxw2hqbywpvi3	evaluate-flowers	sw43tlqmixxv7zky	{"state":"QUEUED","attempt":0,"part_of":"model:tbqk7ma6yrxtnjdi"}
81	job.changed	1795304130030486	f3zvp4yyg4mi22mg	job	sckgxw2hqbywpvi3	evaluate-flowers	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:35:30.019989+00:00","part_of":"model:tbqk7ma6yrxtnjdi"}
82	endpoint.created	1795304130075347	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	sw43tlqmixxv7zky	{"state":"STARTING"}
83	endpoint.changed	1795304130151341	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	\N	{"revision":1,"revision_state":"STARTING","attempt":1,"reason":null,"message":null}
84	job.changed	1795304130174611	f3zvp4yyg4mi22mg	job	sckgxw2hqbywpvi3	evaluate-flowers	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"sw43tlqmixxv7zky","changed_at":"2026-11-21T23:35:30.089719+00:00","part_of":"model:tbqk7ma6yrxtnjdi"}
85	dataset.changed	1795304130662408	f3zvp4yyg4mi22mg	dataset	pnx6lzwsok4lat2f	flowers	sw43tlqmixxv7zky	{"state":"previewed","preview":"RUNNING","version":1}
86	endpoint.changed	1795304130744146	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	\N	{"revision":1,"revision_state":"RUNNING","attempt":1,"reason":null,"message":null}
87	dataset.changed	1795304132323306	f3zvp4yyg4mi22mg	dataset	pnx6lzwsok4lat2f	flowers	sw43tlqmixxv7zky	{"state":"previewed","preview":"SUCCEEDED","version":1}
88	endpoint.changed	1795304140418376	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	\N	{"state":"READY","revision":1}
89	endpoint.changed	1795304140523073	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	sw43tlqmixxv7zky	{"token":"em5sz42ksn77lcdn","made":true}
90	endpoint.changed	1795304140613444	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	sw43tlqmixxv7zky	{}
91	endpoint.changed	1795304140643136	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	\N	{"revision":2,"revision_state":"STARTING","attempt":1,"reason":null,"message":null}
92	endpoint.changed	1795304141048501	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	\N	{"revision":2,"revision_state":"RUNNING","attempt":1,"reason":null,"message":null}
93	endpoint.changed	1795304152605769	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	\N	{"state":"READY","revision":2}
94	endpoint.changed	1795304152718590	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	\N	{"revision":1,"revision_state":"STOPPING","attempt":1,"reason":"stopped_by_user","message":"Stopping: asked to end."}
95	endpoint.changed	1795304152758348	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	sw43tlqmixxv7zky	{}
96	dataset.changed	1795304152806402	f3zvp4yyg4mi22mg	dataset	lnhf3vkrlcjm2o4x	numbers	sw43tlqmixxv7zky	{"state":"draft begun","draft":"yctscj7n4wabh62x"}
97	endpoint.changed	1795304152827169	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	\N	{"revision":2,"revision_state":"STOPPING","attempt":1,"reason":"stopped_by_user","message":"Stopping: asked to end."}
98	job.created	1795304152945386	bzq4uhftewpvfdnm	job	dd7sawwf6cd2un5x	true	m6cxl25tu2uux224	{"state":"QUEUED","attempt":0}
99	job.changed	1795304152964278	bzq4uhftewpvfdnm	job	dd7sawwf6cd2un5x	true	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"m6cxl25tu2uux224","changed_at":"2026-11-21T23:35:52.962832+00:00"}
100	job.changed	1795304153598594	bzq4uhftewpvfdnm	job	dd7sawwf6cd2un5x	true	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"m6cxl25tu2uux224","changed_at":"2026-11-21T23:35:53.553919+00:00"}
101	job.changed	1795304153605569	bzq4uhftewpvfdnm	job	dd7sawwf6cd2un5x	true	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"m6cxl25tu2uux224","changed_at":"2026-11-21T23:35:53.598624+00:00"}
102	endpoint.changed	1795304153995124	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	\N	{"revision":2,"revision_state":"STOPPED","attempt":1,"reason":"stopped_by_user","message":"It was stopped."}
103	endpoint.changed	1795304154025346	f3zvp4yyg4mi22mg	endpoint	bn5toa57qvzz227k	flowers	\N	{"revision":1,"revision_state":"STOPPED","attempt":1,"reason":"stopped_by_user","message":"It was stopped."}
\.


--
-- Data for Name: experiments; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.experiments (id, project_id, name, labels, spec, version, state, reason, message, run_by, started_at, ended_at, created_at, created_by, updated_at, deleted_at) FROM stdin;
bx4s3cvazrmgax4u	f3zvp4yyg4mi22mg	searched	{}	{"job":{"kind":"script","notebook":null,"script":"train.py","arguments":[],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{"numbers":"numbers@1"},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]},"space":{"rate":{"kind":"float","low":0.05,"high":0.3,"log":false,"step":null,"choices":null,"when":{}},"steps":{"kind":"categorical","low":null,"high":null,"log":false,"step":null,"choices":[5,10],"when":{}}},"objectives":[{"metric":"loss","direction":"minimize"}],"sampler":{"kind":"tpe","seed":107354647,"startup_trials":null,"population":null},"pruner":{"kind":"none","startup_trials":5,"warmup_steps":0,"min_resource":1,"max_resource":null,"reduction_factor":3},"trials":3,"parallel":2,"fresh_kernel":false,"timeout_s":null,"max_failures":5}	1	COMPLETE	\N	\N	sw43tlqmixxv7zky	1795304087788073	1795304092833624	1795304087788073	sw43tlqmixxv7zky	1795304092833624	\N
is4kph7p43lz2pe5	f3zvp4yyg4mi22mg	stopped	{}	{"job":{"kind":"script","notebook":null,"script":"train.py","arguments":[],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]},"space":{"rate":{"kind":"float","low":0.05,"high":0.3,"log":false,"step":null,"choices":null,"when":{}},"steps":{"kind":"categorical","low":null,"high":null,"log":false,"step":null,"choices":[5,10],"when":{}}},"objectives":[{"metric":"loss","direction":"minimize"}],"sampler":{"kind":"tpe","seed":2346880241,"startup_trials":null,"population":null},"pruner":{"kind":"none","startup_trials":5,"warmup_steps":0,"min_resource":1,"max_resource":null,"reduction_factor":3},"trials":100,"parallel":2,"fresh_kernel":false,"timeout_s":null,"max_failures":5}	1	STOPPED	stopped_by_user	Stopped. Resume it to go on.	sw43tlqmixxv7zky	1795304093005873	1795304093294763	1795304093005873	sw43tlqmixxv7zky	1795304093294763	\N
\.


--
-- Data for Name: idempotency; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.idempotency (person_id, key, fingerprint, made_id, at) FROM stdin;
sw43tlqmixxv7zky	once	79f78617a159a9e8e0c8c9954bd7e0e151ec4b929f487ea095a5a7b59bd52d52	pte2ztas36fauw5g	1795304078179045
sw43tlqmixxv7zky	4b1dfde888c04c7ba8cfd30ec99d9975	b264d9c6a0ca7db1f769dd03f66f6b239fa83df6571b9a78b132caa361eca9c5	lnhf3vkrlcjm2o4x	1795304079688555
sw43tlqmixxv7zky	c9e47b9ba4bd41e49eb3ee6def04135a	c236ef85938a62488403579f148ff052fb6b64c059c7b06642c158ccee9f8407	hfl2sfinjofepy3h	1795304080062677
sw43tlqmixxv7zky	eebf1dd0c2374114bd483c667ca62c0a	826ab3621fc50e16e4ee3d6137cf34eb63ac30e93ed40dd02cd9fa1c1818119a	ocrjfxo74tbtlj2s	1795304080673642
sw43tlqmixxv7zky	96ee3d52b96041b3bb445ec8eaef0e9a	006b9c57d93b8b0e2b35392a04d76e00d4fdb57c7b3aef8e17aa203e9fe2046a	yi4gleh5sraqeqwj	1795304085289956
sw43tlqmixxv7zky	86ec7a50a8bf474e807b15fed03fce6a	f9b4c4ed92b53fb1ab2ea2f2d13ba4f698c3867a8b5b1dfea8871216e632efe1	p3n5xjzbsecaqudb	1795304087193793
sw43tlqmixxv7zky	e9c0f6cd2930450c80138f69f8c3cd56	a43e2c086076f28e370a73e11961d725b13da09dd6d194fdbd9c4b9f2967ecff	bx4s3cvazrmgax4u	1795304087810449
sw43tlqmixxv7zky	922b86219f364e2caee9a5fb01d85f88	3b5c7e97194e979c95150e9ba8c0bfe684e48f298b2b486a4b1bbea523f6b6aa	is4kph7p43lz2pe5	1795304093022836
sw43tlqmixxv7zky	13cebd6f890a4850b006536808e6966c	9b36bf059b8d3044f3bdc9e2e455026758efdcd38109995a105931a4d0d61910	ugorlh5vhzlc3unv	1795304093515914
sw43tlqmixxv7zky	f02ab385f1404ba795a1adb564bc2e56	5688c1c0486c4a00bc4f157c667d7157b95dfaab6c092cec50bd1668df6e57a3	pnx6lzwsok4lat2f	1795304129836474
sw43tlqmixxv7zky	ee6b7abb95094de4aef3e46fd07d5749	3d19631bc1c33a40e89491b12becbc9b4e431d461697148a767600df8c18e83d	l5c7c32km7iqz66h	1795304129919704
sw43tlqmixxv7zky	ac1569d20e554247b9d49fa23d088791	551cdcd864cede5449a17f58dcd858584aa51c322b10643bae9034b2041e688a	bn5toa57qvzz227k	1795304130075382
\.


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.jobs (id, project_id, name, labels, spec, version, created_at, created_by, updated_at, deleted_at, part_of, inputs) FROM stdin;
pte2ztas36fauw5g	f3zvp4yyg4mi22mg	train	{"team":"vision"}	{"kind":"script","notebook":null,"script":"train.py","arguments":[],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"ea9530b7cff5e64382d4b99dd792d312acd8a5a8035d9aaa47a8f6d3b388f2ba","inputs":{},"env":{},"secrets":["KEY"],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795304078178765	sw43tlqmixxv7zky	1795304078178765	\N	\N	\N
cugir6tz2ao5dszs	f3zvp4yyg4mi22mg	sh	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["sh","-c","echo no; exit 3"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"inputs":{},"env":{},"secrets":[],"priority":0,"retries":1,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795304079135509	sw43tlqmixxv7zky	1795304079135509	\N	\N	\N
y6ywtgjykngeaowz	f3zvp4yyg4mi22mg	sleep	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["sleep","600"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"inputs":{},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795304079211837	sw43tlqmixxv7zky	1795304079211837	\N	\N	\N
wmssetqlz4zbv3gm	f3zvp4yyg4mi22mg	true	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["/bin/true"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"inputs":{},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795304079399885	sw43tlqmixxv7zky	1795304079399885	1795304079514599	\N	\N
euimuqfp5evwqzg3	f3zvp4yyg4mi22mg	searched-trial-1	{"himalia/experiment":"searched"}	{"kind":"script","notebook":null,"script":"train.py","arguments":["--rate","0.07883510284076718","--steps","5"],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{"numbers":"numbers@1"},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795304089774272	sw43tlqmixxv7zky	1795304089774272	\N	experiment:bx4s3cvazrmgax4u	{"numbers":{"dataset":"numbers","version":1,"version_id":"hfl2sfinjofepy3h","tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14"}}
rrrnmv3p6xzp2fvp	f3zvp4yyg4mi22mg	searched-trial-0	{"himalia/experiment":"searched"}	{"kind":"script","notebook":null,"script":"train.py","arguments":["--rate","0.1489584250384074","--steps","10"],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{"numbers":"numbers@1"},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795304089799534	sw43tlqmixxv7zky	1795304089799534	\N	experiment:bx4s3cvazrmgax4u	{"numbers":{"dataset":"numbers","version":1,"version_id":"hfl2sfinjofepy3h","tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14"}}
qgttppu4mcf6ozee	f3zvp4yyg4mi22mg	searched-trial-2	{"himalia/experiment":"searched"}	{"kind":"script","notebook":null,"script":"train.py","arguments":["--rate","0.22096098561855598","--steps","10"],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{"numbers":"numbers@1"},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795304090673962	sw43tlqmixxv7zky	1795304090673962	\N	experiment:bx4s3cvazrmgax4u	{"numbers":{"dataset":"numbers","version":1,"version_id":"hfl2sfinjofepy3h","tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14"}}
ugorlh5vhzlc3unv	f3zvp4yyg4mi22mg	flowers	{}	{"kind":"script","notebook":null,"script":"flowers.py","arguments":[],"command":[],"parameters":{},"profile":"scikit-learn","size":"small","environment":"scikit-learn","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795304093515632	sw43tlqmixxv7zky	1795304093515632	\N	\N	\N
sckgxw2hqbywpvi3	f3zvp4yyg4mi22mg	evaluate-flowers	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["python","-m","himalia.serving.evaluate","model","--data=inputs/data/outputs/flowers.csv","--target=target"],"parameters":{},"profile":"scikit-learn","size":"small","environment":"scikit-learn","requirements":null,"snapshot":"854fc35c9827ea35df7e5c3baf09210bcb2a547b2ae35c0a85a03a66ebed16a5","inputs":{"data":"flowers@1"},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795304129998072	sw43tlqmixxv7zky	1795304129998072	\N	model:tbqk7ma6yrxtnjdi	{"data":{"dataset":"flowers","version":1,"version_id":"l5c7c32km7iqz66h","tree":"b81792d6db0eebcef56f7ed722851d978b14decfe4d6b212a7ec307f58820579"}}
dd7sawwf6cd2un5x	bzq4uhftewpvfdnm	true	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["/bin/true"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"inputs":{},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795304152945279	m6cxl25tu2uux224	1795304152945279	\N	\N	\N
\.


--
-- Data for Name: links; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.links (from_id, to_id, kind) FROM stdin;
job:euimuqfp5evwqzg3	dataset:hfl2sfinjofepy3h	input
job:euimuqfp5evwqzg3	experiment:bx4s3cvazrmgax4u	trial
job:rrrnmv3p6xzp2fvp	dataset:hfl2sfinjofepy3h	input
job:rrrnmv3p6xzp2fvp	experiment:bx4s3cvazrmgax4u	trial
job:qgttppu4mcf6ozee	dataset:hfl2sfinjofepy3h	input
job:qgttppu4mcf6ozee	experiment:bx4s3cvazrmgax4u	trial
model:tbqk7ma6yrxtnjdi	job:ugorlh5vhzlc3unv	source
dataset:l5c7c32km7iqz66h	job:ugorlh5vhzlc3unv	output
job:sckgxw2hqbywpvi3	dataset:l5c7c32km7iqz66h	input
job:sckgxw2hqbywpvi3	model:tbqk7ma6yrxtnjdi	evaluates
endpoint:oioy2vu46aajnisn	model:tbqk7ma6yrxtnjdi	serves
endpoint:ckiagyraz3o6tf4n	model:tbqk7ma6yrxtnjdi	serves
\.


--
-- Data for Name: members; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.members (project_id, kind, member, role) FROM stdin;
f3zvp4yyg4mi22mg	person	sw43tlqmixxv7zky	owner
bzq4uhftewpvfdnm	person	m6cxl25tu2uux224	owner
usbnt4vxvaqz4psh	person	sw43tlqmixxv7zky	owner
usbnt4vxvaqz4psh	person	m6cxl25tu2uux224	viewer
usbnt4vxvaqz4psh	group	chemistry	editor
imvusafcvplyptmy	person	sw43tlqmixxv7zky	owner
\.


--
-- Data for Name: metrics; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.metrics (id, workload_id, attempt, name, step, value, at, source) FROM stdin;
1	pte2ztas36fauw5g	1	accuracy	0	0.5	1795304078950867	\N
2	pte2ztas36fauw5g	1	accuracy	1	0.75	1795304078955865	\N
3	rrrnmv3p6xzp2fvp	1	loss	0	4.09818542789042	1795304090534081	\N
4	rrrnmv3p6xzp2fvp	1	loss	1	2.9830669455776104	1795304090537972	\N
5	rrrnmv3p6xzp2fvp	1	loss	2	2.248852150772824	1795304090538172	\N
6	rrrnmv3p6xzp2fvp	1	loss	3	1.7379335624212167	1795304090538397	\N
7	rrrnmv3p6xzp2fvp	1	loss	4	1.3657798204569858	1795304090538645	\N
8	rrrnmv3p6xzp2fvp	1	loss	5	1.085197398965381	1795304090542386	\N
9	rrrnmv3p6xzp2fvp	1	loss	6	0.8684612665701171	1795304090542699	\N
10	rrrnmv3p6xzp2fvp	1	loss	7	0.6983020450698699	1795304090542957	\N
11	rrrnmv3p6xzp2fvp	1	loss	8	0.5632980205738967	1795304090543118	\N
12	rrrnmv3p6xzp2fvp	1	loss	9	0.45547018983852255	1795304090543256	\N
13	euimuqfp5evwqzg3	1	loss	0	4.09818542789042	1795304090573782	\N
14	euimuqfp5evwqzg3	1	loss	1	3.47716778888387	1795304090582013	\N
15	euimuqfp5evwqzg3	1	loss	2	2.9773277765557453	1795304090582219	\N
16	euimuqfp5evwqzg3	1	loss	3	2.569652737538502	1795304090582436	\N
17	euimuqfp5evwqzg3	1	loss	4	2.2329113271915046	1795304090582764	\N
18	qgttppu4mcf6ozee	1	loss	0	4.09818542789042	1795304092129158	\N
19	qgttppu4mcf6ozee	1	loss	1	2.532831827792852	1795304092190111	\N
20	qgttppu4mcf6ozee	1	loss	2	1.6974130075643468	1795304092199765	\N
21	qgttppu4mcf6ozee	1	loss	3	1.186149859805337	1795304092200106	\N
22	qgttppu4mcf6ozee	1	loss	4	0.8457212286662155	1795304092200271	\N
23	qgttppu4mcf6ozee	1	loss	5	0.60892881378477	1795304092200418	\N
24	qgttppu4mcf6ozee	1	loss	6	0.44080853664719444	1795304092200558	\N
25	qgttppu4mcf6ozee	1	loss	7	0.3203416070322008	1795304092202373	\N
26	qgttppu4mcf6ozee	1	loss	8	0.2336715632831974	1795304092202591	\N
27	qgttppu4mcf6ozee	1	loss	9	0.17120718682074865	1795304092202730	\N
28	ugorlh5vhzlc3unv	1	accuracy	0	0.9733333333333334	1795304106056891	\N
29	sckgxw2hqbywpvi3	1	score	0	0.9733333333333334	1795304146225000	mlflow
30	sckgxw2hqbywpvi3	1	example_count	0	150	1795304146225000	mlflow
31	sckgxw2hqbywpvi3	1	accuracy_score	0	0.9733333333333334	1795304146225000	mlflow
32	sckgxw2hqbywpvi3	1	recall_score	0	0.9733333333333334	1795304146225000	mlflow
33	sckgxw2hqbywpvi3	1	precision_score	0	0.9738247863247864	1795304146225000	mlflow
34	sckgxw2hqbywpvi3	1	f1_score	0	0.9733226623982927	1795304146225000	mlflow
35	sckgxw2hqbywpvi3	1	log_loss	0	0.11954966540353854	1795304146225000	mlflow
36	sckgxw2hqbywpvi3	1	roc_auc	0	0.9984	1795304146225000	mlflow
37	sckgxw2hqbywpvi3	1	score	0	0.9733333333333334	1795304152882998	\N
38	sckgxw2hqbywpvi3	1	example_count	0	150	1795304152890380	\N
39	sckgxw2hqbywpvi3	1	accuracy_score	0	0.9733333333333334	1795304152902556	\N
40	sckgxw2hqbywpvi3	1	recall_score	0	0.9733333333333334	1795304152905893	\N
41	sckgxw2hqbywpvi3	1	precision_score	0	0.9738247863247864	1795304152907919	\N
42	sckgxw2hqbywpvi3	1	f1_score	0	0.9733226623982927	1795304152908449	\N
43	sckgxw2hqbywpvi3	1	log_loss	0	0.11954966540353854	1795304152910322	\N
44	sckgxw2hqbywpvi3	1	roc_auc	0	0.9984	1795304152912287	\N
\.


--
-- Data for Name: mlflow_mirror; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.mlflow_mirror (id, metric_id) FROM stdin;
1	44
\.


--
-- Data for Name: mlflow_runs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.mlflow_runs (workload_id, attempt, project_id, run_id, claimed, ended) FROM stdin;
pte2ztas36fauw5g	1	f3zvp4yyg4mi22mg	8c27671aa5394b3e99196190723a039a	f	t
ugorlh5vhzlc3unv	1	f3zvp4yyg4mi22mg	200371f92d6c4f3090aac3a370b7e0bb	f	t
rrrnmv3p6xzp2fvp	1	f3zvp4yyg4mi22mg	2157e861166f4bd68767bd741b6b4256	f	t
euimuqfp5evwqzg3	1	f3zvp4yyg4mi22mg	d89b196c27f04df89c718e9c6d1278f8	f	t
qgttppu4mcf6ozee	1	f3zvp4yyg4mi22mg	535227cc66cd41b09dd8dcbf500782c2	f	t
sckgxw2hqbywpvi3	1	f3zvp4yyg4mi22mg	a17cd35ee72e43fc96405ec4490efc02	t	f
\.


--
-- Data for Name: model_aliases; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.model_aliases (model_id, alias, version_id) FROM stdin;
bz65ipzkqb35l2vc	champion	tbqk7ma6yrxtnjdi
\.


--
-- Data for Name: model_evaluations; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.model_evaluations (job_id, version_id, dataset, target, created_at, created_by) FROM stdin;
sckgxw2hqbywpvi3	tbqk7ma6yrxtnjdi	flowers@1	target	1795304129998350	sw43tlqmixxv7zky
\.


--
-- Data for Name: model_versions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.model_versions (id, model_id, number, description, source, tree, files, size, manifest, environment, metrics, parameters, problem, version, created_at, created_by, updated_at) FROM stdin;
tbqk7ma6yrxtnjdi	bz65ipzkqb35l2vc	1	Three kinds of iris	{"job":"flowers","job_id":"ugorlh5vhzlc3unv","attempt":1,"experiment":null,"trial":null,"run_id":"200371f92d6c4f3090aac3a370b7e0bb","path":"outputs/model"}	7ade5852e51d6f77edf336175c4ea0b9fc413c8866396b0427fa9dacb594b5fe	5	12330	{"flavors":["python_function","sklearn"],"signature":{"inputs":[{"name":"sepal length (cm)","type":"double","shape":null,"required":true},{"name":"sepal width (cm)","type":"double","shape":null,"required":true},{"name":"petal length (cm)","type":"double","shape":null,"required":true},{"name":"petal width (cm)","type":"double","shape":null,"required":true}],"outputs":[{"name":null,"type":"int64","shape":[-1],"required":true}],"params":[]},"requirements":["mlflow==3.17.2","scikit-learn","skops"]}	scikit-learn	{"accuracy":0.9733333333333334}	{}	\N	1	1795304129494623	sw43tlqmixxv7zky	1795304129494623
\.


--
-- Data for Name: models; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.models (id, project_id, name, labels, spec, version, created_at, created_by, updated_at) FROM stdin;
bz65ipzkqb35l2vc	f3zvp4yyg4mi22mg	flowers	{}	{"description":""}	1	1795304128334419	sw43tlqmixxv7zky	1795304129494623
\.


--
-- Data for Name: objects; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.objects (project_id, digest, size, created_at) FROM stdin;
f3zvp4yyg4mi22mg	934fa8ef6ab846074eb21ea379e6ade1ecd58efa75ff4f80d2de098d1702309d	173	1795304078073790
f3zvp4yyg4mi22mg	ea9530b7cff5e64382d4b99dd792d312acd8a5a8035d9aaa47a8f6d3b388f2ba	137	1795304078121430
f3zvp4yyg4mi22mg	44e86eb38ff9b065a1e805dd61f624e334a4296479e4be43c354ca8af90b0340	6	1795304079049244
f3zvp4yyg4mi22mg	64eed3c87ddbb6560bdd79d13c10275b726e0c8953819146a9ad4f91b4360473	12	1795304079896142
f3zvp4yyg4mi22mg	920a7003f35db89c42dc500905e7c98ee7013fd6f64053b53ce4c3295efbb12c	813	1795304083188406
f3zvp4yyg4mi22mg	d713124dcd64dd5aed5d81c7ef2d396d649a31ff434ef3702e994c8ba882091c	739	1795304083286898
f3zvp4yyg4mi22mg	07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14	137	1795304084937717
f3zvp4yyg4mi22mg	fe1cce3a26d9d16e614b39b9f5e76bfe57bd2fc225941d267842cde20a8ff5f2	134	1795304085424814
f3zvp4yyg4mi22mg	8a87c1630bcc808c4439e8201987224a2d52781f2b900f6ca89e8745b3666b3e	136	1795304085538608
f3zvp4yyg4mi22mg	3eabbfd7dc07814cc207d196e79219f00fd6140ae686dead1939e09f7da40af0	16	1795304086970259
f3zvp4yyg4mi22mg	803ef719403920626d950ff0af26fda1c73732a64784edfb22f9e344a5335096	137	1795304087178138
f3zvp4yyg4mi22mg	217b4c1427e8de0cea49d3661c013a7cc6a3638f1be678ff806f0f1be4aafaa6	2080	1795304087488081
f3zvp4yyg4mi22mg	47f592b2ef25fd2ec92535e2ed56ca22d6c521bd79faa9930afa34b9f3c4ccab	7088	1795304087495905
f3zvp4yyg4mi22mg	50e5b3e21e9f49547b7f6fcf73e8b6163c855c42bee91baf3ab4fffeb78c8794	992	1795304087504354
f3zvp4yyg4mi22mg	585cb917121c14e10bbc062959ea407bb5a4859d05f527ab3e4ba075cccb8729	9078	1795304087521697
f3zvp4yyg4mi22mg	ad240d4bca86df4c89dbb3a4ceacca002fe39741cda5ac79bfbfefc7e2b2303a	698	1795304087528585
f3zvp4yyg4mi22mg	294e5b11563d49b858eb6843bbc676cbe23a8028166193410b58d1c623504bf7	756	1795304087541476
f3zvp4yyg4mi22mg	af1d399e93c9bcb9f6621b31d3dbcc37a5a089fcf3d4ffd2530e3ff1337277cf	649	1795304087557589
f3zvp4yyg4mi22mg	b5a70ffcfb38c54aed161801ff6359cfc9fc10f52cad11cffdd0bed8139cb19d	853	1795304087568836
f3zvp4yyg4mi22mg	51c7dc1711d9667c8dfddd5a59a76c1e90b745c05d321c3863c4614a24ef3589	50	1795304090595337
f3zvp4yyg4mi22mg	51aedcf0cd2094650ad51886d18fb3cc9b09dfbc8182b5240cca7a66688c9960	50	1795304091438303
f3zvp4yyg4mi22mg	9b7c9d0d0630b20d2f7f03f28370bab56087cd9452aca312428851911ced4cda	50	1795304092816100
f3zvp4yyg4mi22mg	33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7	1049	1795304093462720
f3zvp4yyg4mi22mg	7ade5852e51d6f77edf336175c4ea0b9fc413c8866396b0427fa9dacb594b5fe	660	1795304128560411
f3zvp4yyg4mi22mg	b81792d6db0eebcef56f7ed722851d978b14decfe4d6b212a7ec307f58820579	868	1795304129894561
f3zvp4yyg4mi22mg	29e59203a9d6ad2c1bdfb8b064f5b77ebbf6246842b493a0d2a07fe4655d5de1	2777	1795304129898613
f3zvp4yyg4mi22mg	854fc35c9827ea35df7e5c3baf09210bcb2a547b2ae35c0a85a03a66ebed16a5	690	1795304129960156
f3zvp4yyg4mi22mg	d0bb2463e16c5c3509ea111939f4021f40c05597892e8845f61b49f6a31c1bba	988	1795304129966607
f3zvp4yyg4mi22mg	c43dfd2080ad2146007614f7f94525a82d859298e0242502c947bda7f70b552d	130	1795304129966607
f3zvp4yyg4mi22mg	a218f7d6b7e5eeef22d8fafaff5a0f1e035f9711f8d01cfeb6c77e10757a264e	11081	1795304129966607
f3zvp4yyg4mi22mg	17c9cfffd952c4ce4b0ae4b65d83876e4058ffe7de52f9c1c12c2c08a109cc14	98	1795304129966607
f3zvp4yyg4mi22mg	b32e1914328fa2e1bfefd142e9cee1f4cc03e9c41091fbba24cea1f59a0a8731	33	1795304129966607
f3zvp4yyg4mi22mg	aa52c6ceb71eac557b42cac29397f3d105fd15c243858fda39e34b541d48fa58	6825	1795304132299659
\.


--
-- Data for Name: outputs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.outputs (workload_id, attempt, path, size, digest) FROM stdin;
pte2ztas36fauw5g	1	result.txt	6	44e86eb38ff9b065a1e805dd61f624e334a4296479e4be43c354ca8af90b0340
z7bf37y4pao5cv32	1	outputs/preview.json	813	920a7003f35db89c42dc500905e7c98ee7013fd6f64053b53ce4c3295efbb12c
fffalyon7n3umx77	1	outputs/preview.json	739	d713124dcd64dd5aed5d81c7ef2d396d649a31ff434ef3702e994c8ba882091c
ndghqgsaehticrqf	1	outputs/manifest.json	137	07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14
cqmn4g4rxq4ddgyj	1	outputs/table.csv	16	3eabbfd7dc07814cc207d196e79219f00fd6140ae686dead1939e09f7da40af0
rrrnmv3p6xzp2fvp	1	line.txt	50	51c7dc1711d9667c8dfddd5a59a76c1e90b745c05d321c3863c4614a24ef3589
euimuqfp5evwqzg3	1	line.txt	50	51aedcf0cd2094650ad51886d18fb3cc9b09dfbc8182b5240cca7a66688c9960
qgttppu4mcf6ozee	1	line.txt	50	9b7c9d0d0630b20d2f7f03f28370bab56087cd9452aca312428851911ced4cda
ugorlh5vhzlc3unv	1	outputs/flowers.csv	2777	29e59203a9d6ad2c1bdfb8b064f5b77ebbf6246842b493a0d2a07fe4655d5de1
ugorlh5vhzlc3unv	1	outputs/model/MLmodel	988	d0bb2463e16c5c3509ea111939f4021f40c05597892e8845f61b49f6a31c1bba
ugorlh5vhzlc3unv	1	outputs/model/conda.yaml	130	c43dfd2080ad2146007614f7f94525a82d859298e0242502c947bda7f70b552d
ugorlh5vhzlc3unv	1	outputs/model/model.skops	11081	a218f7d6b7e5eeef22d8fafaff5a0f1e035f9711f8d01cfeb6c77e10757a264e
ugorlh5vhzlc3unv	1	outputs/model/python_env.yaml	98	17c9cfffd952c4ce4b0ae4b65d83876e4058ffe7de52f9c1c12c2c08a109cc14
ugorlh5vhzlc3unv	1	outputs/model/requirements.txt	33	b32e1914328fa2e1bfefd142e9cee1f4cc03e9c41091fbba24cea1f59a0a8731
n3jejti6vzchxnid	1	outputs/preview.json	6825	aa52c6ceb71eac557b42cac29397f3d105fd15c243858fda39e34b541d48fa58
\.


--
-- Data for Name: people; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.people (id, name, hub_created, number, groups, created_at) FROM stdin;
sw43tlqmixxv7zky	ada	2026-11-21T23:34:34.932773Z	1	[]	1795304076030445
m6cxl25tu2uux224	bob	2026-11-21T23:34:36.976494Z	2	[]	1795304077356080
\.


--
-- Data for Name: projects; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects (id, name, title, description, labels, personal_of, number, version, created_at, created_by, updated_at, deleted_at) FROM stdin;
f3zvp4yyg4mi22mg	ada			{}	sw43tlqmixxv7zky	1	1	1795304076469773	sw43tlqmixxv7zky	1795304076469773	\N
bzq4uhftewpvfdnm	bob			{}	m6cxl25tu2uux224	2	1	1795304077472857	m6cxl25tu2uux224	1795304077472857	\N
usbnt4vxvaqz4psh	shared	Shared		{}	\N	3	1	1795304077531778	sw43tlqmixxv7zky	1795304077531778	\N
imvusafcvplyptmy	gone			{}	\N	4	1	1795304077900133	sw43tlqmixxv7zky	1795304077900133	1795304077982718
\.


--
-- Data for Name: secrets; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.secrets (project_id, name, value, updated_at, updated_by) FROM stdin;
f3zvp4yyg4mi22mg	KEY	\\x67414141414142724169714e584e53476a62326f53786f475a705a6b414d565552575f75586b6e38626c6b34796b31676c2d30536f5468694e754368446e74686d773541774d6c4e6e5871786a2d493145435134707256773467714c2d5a633165773d3d	1795304077817942	sw43tlqmixxv7zky
\.


--
-- Data for Name: tokens; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.tokens (id, person_id, hash, note, scopes, project_id, created_at, expires_at, deleted_at) FROM stdin;
njsqu5ceptp3heq7	sw43tlqmixxv7zky	6b4b64f865839aa26b18cd3fb320716eed968f1437931ace8f68c0c6e15918de	tests	["write"]	\N	1795304076127240	1797896076127240	\N
m6l5ssx6fe43ystr	m6cxl25tu2uux224	54a1133cbb8c901850d992b1d2aa16873094fe071e0670ec035a8719e9313d6f	tests	["write"]	\N	1795304077370390	1797896077370390	\N
m6ugqhikrebdxrwj	sw43tlqmixxv7zky	cc36826ab43b5683a3a376c64a0a201bdef3da04e38590e4f4c3da99ecbeb8d0	a note	["read"]	\N	1795304077879074	1797896077879074	\N
\.


--
-- Data for Name: trials; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.trials (experiment_id, number, job_id, parameters, notes, state, "values", message, pruned_step, created_at, ended_at) FROM stdin;
bx4s3cvazrmgax4u	0	rrrnmv3p6xzp2fvp	{"rate":0.1489584250384074,"steps":10}	{}	COMPLETE	[0.45547018983852255]	\N	\N	1795304089799750	1795304090635218
bx4s3cvazrmgax4u	1	euimuqfp5evwqzg3	{"rate":0.07883510284076718,"steps":5}	{}	COMPLETE	[2.2329113271915046]	\N	\N	1795304089774603	1795304091455369
bx4s3cvazrmgax4u	2	qgttppu4mcf6ozee	{"rate":0.22096098561855598,"steps":10}	{}	COMPLETE	[0.17120718682074865]	\N	\N	1795304090674164	1795304092827939
\.


--
-- Data for Name: workloads; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.workloads (id, kind, name, project_id, person_id, spec, needs_id, priority, state, attempt, reason, message, machine, devices, restarts, tries, created_at, queued_at, started_at, ended_at) FROM stdin;
pte2ztas36fauw5g	job	train	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"base","overlay":null,"snapshot":"ea9530b7cff5e64382d4b99dd792d312acd8a5a8035d9aaa47a8f6d3b388f2ba","task":{"kind":"script","snapshot":true,"command":["train.py"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":["KEY"],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304078178873	1795304078178873	1795304078876355	1795304079058699
y6ywtgjykngeaowz	job	sleep	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["sleep","600"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	STOPPED	1	stopped_by_user	It was stopped.	vm	{}	0	0	1795304079211919	1795304079211919	1795304079229724	1795304079279961
cugir6tz2ao5dszs	job	sh	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["sh","-c","echo no; exit 3"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":1,"max_restarts":3}	\N	0	FAILED	2	user_error	It ended with exit code 3.	vm	{}	0	1	1795304079135611	1795304079150689	1795304079173738	1795304079191508
wmssetqlz4zbv3gm	job	true	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["/bin/true"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304079399982	1795304079399982	1795304079431595	1795304079445967
z7bf37y4pao5cv32	task	preview-803ef719	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"","overlay":null,"snapshot":null,"task":{"kind":"command","command":["/opt/himalia/bin/python","-m","himalia.datasets.work.preview","inputs/version","outputs"],"snapshot":false},"reserve":{"cpus":1.0,"memory_bytes":536870912,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":3221225472,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":600.0,"retries":0,"max_restarts":1,"purpose":"preview","inputs":{"inputs/version":{"tree":"803ef719403920626d950ff0af26fda1c73732a64784edfb22f9e344a5335096","path":""}},"isolated":true}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304080652711	1795304080652711	1795304081492167	1795304083236434
fffalyon7n3umx77	task	preview-07857183	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"","overlay":null,"snapshot":null,"task":{"kind":"command","command":["/opt/himalia/bin/python","-m","himalia.datasets.work.preview","inputs/version","outputs"],"snapshot":false},"reserve":{"cpus":1.0,"memory_bytes":536870912,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":3221225472,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":600.0,"retries":0,"max_restarts":1,"purpose":"preview","inputs":{"inputs/version":{"tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14","path":""}},"isolated":true}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304080051020	1795304080051020	1795304081058312	1795304083342145
ndghqgsaehticrqf	task	verify-07857183	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"","overlay":null,"snapshot":null,"task":{"kind":"command","command":["/opt/himalia/bin/python","-m","himalia.datasets.work.verify","inputs/version","outputs"],"snapshot":false},"reserve":{"cpus":1.0,"memory_bytes":536870912,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":3221225472,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":86400.0,"retries":0,"max_restarts":1,"purpose":"verify","inputs":{"inputs/version":{"tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14","path":""}},"isolated":true}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304083429308	1795304083429308	1795304084097002	1795304084997987
cqmn4g4rxq4ddgyj	task	import-skzfl2a3543ljryr	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"","overlay":null,"snapshot":null,"task":{"kind":"command","command":["/opt/himalia/bin/python","-m","himalia.datasets.work.unpack","inputs/archive","outputs","--limits","files=100000,total=214748364800,file=107374182400,ratio=200,free=1073741824"],"snapshot":false},"reserve":{"cpus":1.0,"memory_bytes":536870912,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":3221225472,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":21600.0,"retries":0,"max_restarts":1,"purpose":"import","inputs":{"inputs/archive":{"tree":"8a87c1630bcc808c4439e8201987224a2d52781f2b900f6ca89e8745b3666b3e","path":"archive"}},"isolated":true}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304085581979	1795304085581979	1795304086590003	1795304086984881
euimuqfp5evwqzg3	job	searched-trial-1	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"base","overlay":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","task":{"kind":"script","snapshot":true,"command":["train.py","--rate","0.07883510284076718","--steps","5"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"inputs/numbers":{"tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14","path":""}},"kernel_group":"bx4s3cvazrmgax4u"}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304089774432	1795304089774432	1795304089933372	1795304091451567
rrrnmv3p6xzp2fvp	job	searched-trial-0	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"base","overlay":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","task":{"kind":"script","snapshot":true,"command":["train.py","--rate","0.1489584250384074","--steps","10"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"inputs/numbers":{"tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14","path":""}},"kernel_group":"bx4s3cvazrmgax4u"}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304089799631	1795304089799631	1795304089954175	1795304090628013
qgttppu4mcf6ozee	job	searched-trial-2	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"base","overlay":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","task":{"kind":"script","snapshot":true,"command":["train.py","--rate","0.22096098561855598","--steps","10"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"inputs/numbers":{"tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14","path":""}},"kernel_group":"bx4s3cvazrmgax4u"}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304090674057	1795304090674057	1795304090746520	1795304092825996
ugorlh5vhzlc3unv	job	flowers	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"scikit-learn","overlay":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","task":{"kind":"script","snapshot":true,"command":["flowers.py"]},"reserve":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304093515764	1795304093515764	1795304094037437	1795304113351057
sckgxw2hqbywpvi3	job	evaluate-flowers	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"scikit-learn","overlay":null,"snapshot":"854fc35c9827ea35df7e5c3baf09210bcb2a547b2ae35c0a85a03a66ebed16a5","task":{"kind":"command","snapshot":true,"command":["python","-m","himalia.serving.evaluate","model","--data=inputs/data/outputs/flowers.csv","--target=target"]},"reserve":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"inputs/data":{"tree":"b81792d6db0eebcef56f7ed722851d978b14decfe4d6b212a7ec307f58820579","path":""}}}	\N	0	RUNNING	1	\N	\N	vm	{}	0	0	1795304129998168	1795304129998168	1795304130089719	\N
n3jejti6vzchxnid	task	preview-b81792d6	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"","overlay":null,"snapshot":null,"task":{"kind":"command","command":["/opt/himalia/bin/python","-m","himalia.datasets.work.preview","inputs/version","outputs"],"snapshot":false},"reserve":{"cpus":1.0,"memory_bytes":536870912,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":3221225472,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":600.0,"retries":0,"max_restarts":1,"purpose":"preview","inputs":{"inputs/version":{"tree":"b81792d6db0eebcef56f7ed722851d978b14decfe4d6b212a7ec307f58820579","path":""}},"isolated":true}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304129916642	1795304129916642	1795304130654349	1795304132319259
dd7sawwf6cd2un5x	job	true	bzq4uhftewpvfdnm	m6cxl25tu2uux224	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["/bin/true"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795304152945355	1795304152945355	1795304153553919	1795304153598624
ckiagyraz3o6tf4n	endpoint	flowers-2	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"scikit-learn","overlay":null,"snapshot":null,"task":{"kind":"command","command":["python","-m","himalia.serving","model","--name","flowers","--version","2"],"snapshot":false},"reserve":{"cpus":0.0,"memory_bytes":2147483648,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"model":{"tree":"7ade5852e51d6f77edf336175c4ea0b9fc413c8866396b0427fa9dacb594b5fe","path":""}},"isolated":true}	\N	0	STOPPED	1	stopped_by_user	It was stopped.	vm	{}	0	0	1795304140611793	1795304140611793	1795304141038798	1795304153993083
oioy2vu46aajnisn	endpoint	flowers-1	f3zvp4yyg4mi22mg	sw43tlqmixxv7zky	{"environment":"scikit-learn","overlay":null,"snapshot":null,"task":{"kind":"command","command":["python","-m","himalia.serving","model","--name","flowers","--version","1"],"snapshot":false},"reserve":{"cpus":0.0,"memory_bytes":2147483648,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"model":{"tree":"7ade5852e51d6f77edf336175c4ea0b9fc413c8866396b0427fa9dacb594b5fe","path":""}},"isolated":true}	\N	0	STOPPED	1	stopped_by_user	It was stopped.	vm	{}	0	0	1795304130065001	1795304130065001	1795304130726391	1795304154022724
\.


--
-- Name: metrics_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.metrics_id_seq', 44, true);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: attempts pk_attempts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT pk_attempts PRIMARY KEY (workload_id, attempt);


--
-- Name: dataset_aliases pk_dataset_aliases; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_aliases
    ADD CONSTRAINT pk_dataset_aliases PRIMARY KEY (dataset_id, alias);


--
-- Name: dataset_checks pk_dataset_checks; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_checks
    ADD CONSTRAINT pk_dataset_checks PRIMARY KEY (project_id, tree);


--
-- Name: dataset_draft_files pk_dataset_draft_files; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_draft_files
    ADD CONSTRAINT pk_dataset_draft_files PRIMARY KEY (draft_id, path);


--
-- Name: dataset_drafts pk_dataset_drafts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_drafts
    ADD CONSTRAINT pk_dataset_drafts PRIMARY KEY (id);


--
-- Name: dataset_imports pk_dataset_imports; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_imports
    ADD CONSTRAINT pk_dataset_imports PRIMARY KEY (id);


--
-- Name: dataset_previews pk_dataset_previews; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_previews
    ADD CONSTRAINT pk_dataset_previews PRIMARY KEY (project_id, tree);


--
-- Name: dataset_uploads pk_dataset_uploads; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_uploads
    ADD CONSTRAINT pk_dataset_uploads PRIMARY KEY (id);


--
-- Name: dataset_versions pk_dataset_versions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_versions
    ADD CONSTRAINT pk_dataset_versions PRIMARY KEY (id);


--
-- Name: datasets pk_datasets; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT pk_datasets PRIMARY KEY (id);


--
-- Name: endpoint_revisions pk_endpoint_revisions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_revisions
    ADD CONSTRAINT pk_endpoint_revisions PRIMARY KEY (id);


--
-- Name: endpoint_tokens pk_endpoint_tokens; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_tokens
    ADD CONSTRAINT pk_endpoint_tokens PRIMARY KEY (id);


--
-- Name: endpoints pk_endpoints; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT pk_endpoints PRIMARY KEY (id);


--
-- Name: events pk_events; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (id);


--
-- Name: experiments pk_experiments; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT pk_experiments PRIMARY KEY (id);


--
-- Name: idempotency pk_idempotency; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT pk_idempotency PRIMARY KEY (person_id, key);


--
-- Name: jobs pk_jobs; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT pk_jobs PRIMARY KEY (id);


--
-- Name: links pk_links; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.links
    ADD CONSTRAINT pk_links PRIMARY KEY (from_id, to_id, kind);


--
-- Name: members pk_members; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.members
    ADD CONSTRAINT pk_members PRIMARY KEY (project_id, kind, member);


--
-- Name: metrics pk_metrics; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.metrics
    ADD CONSTRAINT pk_metrics PRIMARY KEY (id);


--
-- Name: mlflow_mirror pk_mlflow_mirror; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mlflow_mirror
    ADD CONSTRAINT pk_mlflow_mirror PRIMARY KEY (id);


--
-- Name: mlflow_runs pk_mlflow_runs; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mlflow_runs
    ADD CONSTRAINT pk_mlflow_runs PRIMARY KEY (workload_id, attempt);


--
-- Name: model_aliases pk_model_aliases; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_aliases
    ADD CONSTRAINT pk_model_aliases PRIMARY KEY (model_id, alias);


--
-- Name: model_evaluations pk_model_evaluations; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_evaluations
    ADD CONSTRAINT pk_model_evaluations PRIMARY KEY (job_id);


--
-- Name: model_versions pk_model_versions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT pk_model_versions PRIMARY KEY (id);


--
-- Name: models pk_models; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.models
    ADD CONSTRAINT pk_models PRIMARY KEY (id);


--
-- Name: objects pk_objects; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.objects
    ADD CONSTRAINT pk_objects PRIMARY KEY (project_id, digest);


--
-- Name: outputs pk_outputs; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outputs
    ADD CONSTRAINT pk_outputs PRIMARY KEY (workload_id, attempt, path);


--
-- Name: people pk_people; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.people
    ADD CONSTRAINT pk_people PRIMARY KEY (id);


--
-- Name: projects pk_projects; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT pk_projects PRIMARY KEY (id);


--
-- Name: secrets pk_secrets; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT pk_secrets PRIMARY KEY (project_id, name);


--
-- Name: tokens pk_tokens; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT pk_tokens PRIMARY KEY (id);


--
-- Name: trials pk_trials; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trials
    ADD CONSTRAINT pk_trials PRIMARY KEY (experiment_id, number);


--
-- Name: workloads pk_workloads; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workloads
    ADD CONSTRAINT pk_workloads PRIMARY KEY (id);


--
-- Name: dataset_versions uq_dataset_versions_dataset_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_versions
    ADD CONSTRAINT uq_dataset_versions_dataset_id UNIQUE (dataset_id, number);


--
-- Name: endpoint_revisions uq_endpoint_revisions_number; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_revisions
    ADD CONSTRAINT uq_endpoint_revisions_number UNIQUE (endpoint_id, number);


--
-- Name: endpoint_tokens uq_endpoint_tokens_hash; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_tokens
    ADD CONSTRAINT uq_endpoint_tokens_hash UNIQUE (hash);


--
-- Name: model_versions uq_model_versions_model_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT uq_model_versions_model_id UNIQUE (model_id, number);


--
-- Name: models uq_models_project_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.models
    ADD CONSTRAINT uq_models_project_id UNIQUE (project_id, name);


--
-- Name: people uq_people_account; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.people
    ADD CONSTRAINT uq_people_account UNIQUE (name, hub_created);


--
-- Name: people uq_people_number; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.people
    ADD CONSTRAINT uq_people_number UNIQUE (number);


--
-- Name: projects uq_projects_number; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT uq_projects_number UNIQUE (number);


--
-- Name: projects uq_projects_personal_of; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT uq_projects_personal_of UNIQUE (personal_of);


--
-- Name: tokens uq_tokens_hash; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT uq_tokens_hash UNIQUE (hash);


--
-- Name: ix_dataset_checks_task; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_dataset_checks_task ON public.dataset_checks USING btree (task_id);


--
-- Name: ix_dataset_drafts_dataset; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_dataset_drafts_dataset ON public.dataset_drafts USING btree (dataset_id, created_at, id);


--
-- Name: ix_dataset_imports_draft; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_dataset_imports_draft ON public.dataset_imports USING btree (draft_id, created_at);


--
-- Name: ix_dataset_previews_task; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_dataset_previews_task ON public.dataset_previews USING btree (task_id);


--
-- Name: ix_dataset_uploads_draft; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_dataset_uploads_draft ON public.dataset_uploads USING btree (draft_id);


--
-- Name: ix_datasets_project; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_datasets_project ON public.datasets USING btree (project_id, created_at, id);


--
-- Name: ix_endpoint_tokens_endpoint; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_endpoint_tokens_endpoint ON public.endpoint_tokens USING btree (endpoint_id);


--
-- Name: ix_endpoints_project; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_endpoints_project ON public.endpoints USING btree (project_id, created_at, id);


--
-- Name: ix_events_project; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_events_project ON public.events USING btree (project_id, id);


--
-- Name: ix_events_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_events_subject ON public.events USING btree (subject_id, id);


--
-- Name: ix_experiments_project; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_experiments_project ON public.experiments USING btree (project_id, created_at, id);


--
-- Name: ix_experiments_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_experiments_state ON public.experiments USING btree (state);


--
-- Name: ix_idempotency_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_idempotency_at ON public.idempotency USING btree (at);


--
-- Name: ix_jobs_part_of; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_jobs_part_of ON public.jobs USING btree (part_of);


--
-- Name: ix_jobs_project; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_jobs_project ON public.jobs USING btree (project_id, created_at, id);


--
-- Name: ix_links_to; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_links_to ON public.links USING btree (to_id, kind);


--
-- Name: ix_members_member; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_members_member ON public.members USING btree (kind, member);


--
-- Name: ix_metrics_workload; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_metrics_workload ON public.metrics USING btree (workload_id, attempt, name, step);


--
-- Name: ix_mlflow_runs_run; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mlflow_runs_run ON public.mlflow_runs USING btree (run_id);


--
-- Name: ix_model_evaluations_version; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_model_evaluations_version ON public.model_evaluations USING btree (version_id, created_at);


--
-- Name: ix_models_project; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_models_project ON public.models USING btree (project_id, created_at, id);


--
-- Name: ix_trials_job; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX ix_trials_job ON public.trials USING btree (job_id);


--
-- Name: ix_trials_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_trials_state ON public.trials USING btree (state);


--
-- Name: ix_workloads_project; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_workloads_project ON public.workloads USING btree (project_id, kind, created_at);


--
-- Name: ix_workloads_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_workloads_state ON public.workloads USING btree (state);


--
-- Name: uq_datasets_live_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_datasets_live_name ON public.datasets USING btree (project_id, name) WHERE (deleted_at IS NULL);


--
-- Name: uq_endpoints_live_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_endpoints_live_name ON public.endpoints USING btree (project_id, name) WHERE (deleted_at IS NULL);


--
-- Name: uq_experiments_live_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_experiments_live_name ON public.experiments USING btree (project_id, name) WHERE (deleted_at IS NULL);


--
-- Name: uq_jobs_live_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_jobs_live_name ON public.jobs USING btree (project_id, name) WHERE (deleted_at IS NULL);


--
-- Name: uq_projects_live_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_projects_live_name ON public.projects USING btree (name) WHERE (deleted_at IS NULL);


--
-- Name: attempts fk_attempts_workload_id_workloads; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT fk_attempts_workload_id_workloads FOREIGN KEY (workload_id) REFERENCES public.workloads(id);


--
-- Name: dataset_aliases fk_dataset_aliases_dataset_id_datasets; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_aliases
    ADD CONSTRAINT fk_dataset_aliases_dataset_id_datasets FOREIGN KEY (dataset_id) REFERENCES public.datasets(id);


--
-- Name: dataset_aliases fk_dataset_aliases_version_id_dataset_versions; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_aliases
    ADD CONSTRAINT fk_dataset_aliases_version_id_dataset_versions FOREIGN KEY (version_id) REFERENCES public.dataset_versions(id);


--
-- Name: dataset_checks fk_dataset_checks_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_checks
    ADD CONSTRAINT fk_dataset_checks_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: dataset_draft_files fk_dataset_draft_files_draft_id_dataset_drafts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_draft_files
    ADD CONSTRAINT fk_dataset_draft_files_draft_id_dataset_drafts FOREIGN KEY (draft_id) REFERENCES public.dataset_drafts(id);


--
-- Name: dataset_drafts fk_dataset_drafts_base_id_dataset_versions; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_drafts
    ADD CONSTRAINT fk_dataset_drafts_base_id_dataset_versions FOREIGN KEY (base_id) REFERENCES public.dataset_versions(id);


--
-- Name: dataset_drafts fk_dataset_drafts_dataset_id_datasets; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_drafts
    ADD CONSTRAINT fk_dataset_drafts_dataset_id_datasets FOREIGN KEY (dataset_id) REFERENCES public.datasets(id);


--
-- Name: dataset_imports fk_dataset_imports_draft_id_dataset_drafts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_imports
    ADD CONSTRAINT fk_dataset_imports_draft_id_dataset_drafts FOREIGN KEY (draft_id) REFERENCES public.dataset_drafts(id);


--
-- Name: dataset_previews fk_dataset_previews_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_previews
    ADD CONSTRAINT fk_dataset_previews_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: dataset_uploads fk_dataset_uploads_draft_id_dataset_drafts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_uploads
    ADD CONSTRAINT fk_dataset_uploads_draft_id_dataset_drafts FOREIGN KEY (draft_id) REFERENCES public.dataset_drafts(id);


--
-- Name: dataset_versions fk_dataset_versions_dataset_id_datasets; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dataset_versions
    ADD CONSTRAINT fk_dataset_versions_dataset_id_datasets FOREIGN KEY (dataset_id) REFERENCES public.datasets(id);


--
-- Name: datasets fk_datasets_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT fk_datasets_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: endpoint_revisions fk_endpoint_revisions_endpoint_id_endpoints; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_revisions
    ADD CONSTRAINT fk_endpoint_revisions_endpoint_id_endpoints FOREIGN KEY (endpoint_id) REFERENCES public.endpoints(id);


--
-- Name: endpoint_tokens fk_endpoint_tokens_endpoint_id_endpoints; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_tokens
    ADD CONSTRAINT fk_endpoint_tokens_endpoint_id_endpoints FOREIGN KEY (endpoint_id) REFERENCES public.endpoints(id);


--
-- Name: endpoints fk_endpoints_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT fk_endpoints_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: experiments fk_experiments_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT fk_experiments_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: jobs fk_jobs_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT fk_jobs_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: members fk_members_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.members
    ADD CONSTRAINT fk_members_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: model_aliases fk_model_aliases_model_id_models; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_aliases
    ADD CONSTRAINT fk_model_aliases_model_id_models FOREIGN KEY (model_id) REFERENCES public.models(id);


--
-- Name: model_aliases fk_model_aliases_version_id_model_versions; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_aliases
    ADD CONSTRAINT fk_model_aliases_version_id_model_versions FOREIGN KEY (version_id) REFERENCES public.model_versions(id);


--
-- Name: model_evaluations fk_model_evaluations_version_id_model_versions; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_evaluations
    ADD CONSTRAINT fk_model_evaluations_version_id_model_versions FOREIGN KEY (version_id) REFERENCES public.model_versions(id);


--
-- Name: model_versions fk_model_versions_model_id_models; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT fk_model_versions_model_id_models FOREIGN KEY (model_id) REFERENCES public.models(id);


--
-- Name: models fk_models_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.models
    ADD CONSTRAINT fk_models_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: objects fk_objects_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.objects
    ADD CONSTRAINT fk_objects_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: projects fk_projects_personal_of_people; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT fk_projects_personal_of_people FOREIGN KEY (personal_of) REFERENCES public.people(id);


--
-- Name: secrets fk_secrets_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT fk_secrets_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: tokens fk_tokens_person_id_people; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT fk_tokens_person_id_people FOREIGN KEY (person_id) REFERENCES public.people(id);


--
-- Name: tokens fk_tokens_project_id_projects; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT fk_tokens_project_id_projects FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: trials fk_trials_experiment_id_experiments; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trials
    ADD CONSTRAINT fk_trials_experiment_id_experiments FOREIGN KEY (experiment_id) REFERENCES public.experiments(id);


--
-- PostgreSQL database dump complete
--

\unrestrict pbXylbVg7yETEcCsLLqWwXO9FNTD21UYw9Q4KqttFBYwBcEf2g4GmYua3StVwYK

