--
-- PostgreSQL database dump
--

\restrict gwHEm0EF1LD3N72L77wVpRi6ZbsMEq6OPWPehJtBKIidKhqqgxymUDZ67JHf9bL

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
ycq3s37zuwymqj4v	1	SUCCEEDED	\N	\N	vm	1795303695136240	1795303695522417	1795303695662515	0	0.037	0.087	23609344	5	0	null
dndlai5gaueg7njf	1	FAILED	user_error	It ended with exit code 3.	vm	1795303695745834	1795303695787176	1795303695793073	3	0.001	0.003	23871488	3	0	null
dndlai5gaueg7njf	2	FAILED	user_error	It ended with exit code 3.	vm	1795303695804145	1795303695810415	1795303695826873	3	0.001	0.002	23871488	3	0	null
caug2kw4ccygdb2a	1	STOPPED	stopped_by_user	It was stopped.	vm	1795303695855880	1795303695878186	1795303695898928	143	0.001	0.004	23871488	0	0	null
qwjlmfzfrnu76sig	1	SUCCEEDED	\N	\N	vm	1795303695987841	1795303696006348	1795303696009554	0	0.001	0	23871488	0	0	null
r7ijzkai2f3yjghn	1	SUCCEEDED	\N	\N	vm	1795303696634310	1795303697050733	1795303697846516	0	0.314	0.72	82210816	19	0	{"message":"Looked at 1 files.","fraction":1.0}
o2hp32xjiksenkah	1	SUCCEEDED	\N	\N	vm	1795303696411141	1795303696833223	1795303698033444	0	0.352	1.178	77623296	19	0	{"message":"Looked at 1 files.","fraction":1.0}
lxswd5dudpsrvixe	1	SUCCEEDED	\N	\N	vm	1795303697939999	1795303698310261	1795303698491573	0	0.064	0.137	23527424	20	0	{"message":"Read 1 files again.","fraction":1.0}
kyp7d7pxvyycbb32	1	SUCCEEDED	\N	\N	vm	1795303698801906	1795303699095062	1795303699391558	0	0.073	0.236	23531520	28	0	{"message":"Unpacked 1 files, 16 bytes.","fraction":1.0}
eigthn6otoo4vmsj	1	SUCCEEDED	\N	\N	vm	1795303700400468	1795303700481082	1795303701092269	0	0.144	0.552	36118528	20	0	null
gmrmrzjfj4vzd7ae	1	SUCCEEDED	\N	\N	vm	1795303700434494	1795303700498337	1795303701154425	0	0.155	0.598	36257792	20	0	null
yufhwycm5a4axigo	1	SUCCEEDED	\N	\N	vm	1795303701178584	1795303701230333	1795303701822399	0	0.146	0.548	36061184	20	0	null
lff6n22q4ameey7u	1	SUCCEEDED	\N	\N	vm	1795303702631641	1795303703255029	1795303718238478	0	4.187	14.775	234655744	177	0	null
ywc6pxsjjmoslads	1	SUCCEEDED	\N	\N	vm	1795303743153734	1795303743778333	1795303746213267	0	0.387	2.299	80580608	19	0	{"message":"Looked at 6 files.","fraction":1.0}
c26u52vn734ixh3b	1	SUCCEEDED	\N	\N	vm	1795303743254887	1795303743394253	1795303769841115	0	6.023	26.127	307912704	1844	0	{"message":"Evaluating on 150 rows"}
nrzpx2jd5qlvhz2l	1	SUCCEEDED	\N	\N	vm	1795303770856536	1795303771280566	1795303771308206	0	0.001	0.001	23683072	0	0	null
qkftchdpu6d3uzxc	1	STOPPED	stopped_by_user	It was stopped.	vm	1795303743411235	1795303743966345	1795303771636635	143	3.543	27.669	232214528	17	0	{"ready":true}
xvpilzqnovehaynt	1	STOPPED	stopped_by_user	It was stopped.	vm	1795303758157481	1795303758662340	1795303771682872	143	3.553	13.017	231841792	17	0	{"ready":true}
\.


--
-- Data for Name: dataset_aliases; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_aliases (dataset_id, alias, version_id) FROM stdin;
xrmjjqlpgxchktr3	gold	k4yanfdveayv2yjn
\.


--
-- Data for Name: dataset_checks; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_checks (project_id, tree, task_id, state, message, found, began_at, ended_at) FROM stdin;
bdym2gm7zucxj2e7	07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14	lxswd5dudpsrvixe	SUCCEEDED	\N	07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14	1795303697926855	1795303698491573
\.


--
-- Data for Name: dataset_draft_files; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_draft_files (draft_id, path, size, digest, executable) FROM stdin;
\.


--
-- Data for Name: dataset_drafts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.dataset_drafts (id, dataset_id, base_id, seen_number, changes, created_at, created_by, updated_at) FROM stdin;
ww6ook27li3spe37	xrmjjqlpgxchktr3	\N	2	0	1795303770723076	c2labqwqyxjgolfd	1795303770723076
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
bdym2gm7zucxj2e7	803ef719403920626d950ff0af26fda1c73732a64784edfb22f9e344a5335096	r7ijzkai2f3yjghn	SUCCEEDED	\N	920a7003f35db89c42dc500905e7c98ee7013fd6f64053b53ce4c3295efbb12c	\N	1795303696610748
bdym2gm7zucxj2e7	07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14	o2hp32xjiksenkah	SUCCEEDED	\N	d713124dcd64dd5aed5d81c7ef2d396d649a31ff434ef3702e994c8ba882091c	\N	1795303696406554
bdym2gm7zucxj2e7	a40d0e9d757c4983303765f77ac5a584eb3c18c40333f4171ea663340ca7524d	ywc6pxsjjmoslads	SUCCEEDED	\N	d576abcca3c6075e3daed24bd7fd2761c2de2e122b48fc2c5d5acc2941a7e28a	\N	1795303743131478
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
k4yanfdveayv2yjn	xrmjjqlpgxchktr3	1		07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14	1	12	1795303696395633	c2labqwqyxjgolfd	\N
waelk2vd5k6oh5vz	xrmjjqlpgxchktr3	2		803ef719403920626d950ff0af26fda1c73732a64784edfb22f9e344a5335096	1	16	1795303696604058	c2labqwqyxjgolfd	\N
cuexqk5ymke2ugdu	yuojauupixnptjiu	1		803ef719403920626d950ff0af26fda1c73732a64784edfb22f9e344a5335096	1	16	1795303699494344	c2labqwqyxjgolfd	\N
ccoaat5jgj7bmatu	vnbzgprfhom7s5bd	1		a40d0e9d757c4983303765f77ac5a584eb3c18c40333f4171ea663340ca7524d	6	15107	1795303743126910	c2labqwqyxjgolfd	\N
\.


--
-- Data for Name: datasets; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.datasets (id, project_id, name, labels, spec, version, last_number, created_at, created_by, updated_at, deleted_at) FROM stdin;
xrmjjqlpgxchktr3	bdym2gm7zucxj2e7	numbers	{}	{"title":"","description":"","license":"","keywords":[]}	1	2	1795303696213399	c2labqwqyxjgolfd	1795303696604058	\N
yuojauupixnptjiu	bdym2gm7zucxj2e7	packed	{}	{"title":"","description":"","license":"","keywords":[]}	1	1	1795303698640078	c2labqwqyxjgolfd	1795303699494344	1795303699515350
vnbzgprfhom7s5bd	bdym2gm7zucxj2e7	flowers	{}	{"title":"","description":"","license":"","keywords":[]}	1	1	1795303743028920	c2labqwqyxjgolfd	1795303743126910	\N
\.


--
-- Data for Name: endpoint_revisions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.endpoint_revisions (id, endpoint_id, number, spec, source, weight, ready_attempt, served_at, created_at, created_by) FROM stdin;
qkftchdpu6d3uzxc	m6obc7nhxwd6is2g	1	{"model":"flowers@champion","files":null,"profile":"scikit-learn","size":"small","environment":"scikit-learn","env":{},"secrets":[]}	{"files":"ffad55bb0f10f62a6421bae0390e9616554042724ed43a9c7441b3f8cbc70467","path":"","title":"flowers","environment":"scikit-learn","asks_for":["mlflow==3.17.2","scikit-learn","skops"],"requirements":null,"model":{"name":"flowers","version":"1"},"version_id":"ou5l2lwzr5yaihge","served_as":"flowers"}	0	1	1795303757910136	1795303743362479	c2labqwqyxjgolfd
xvpilzqnovehaynt	m6obc7nhxwd6is2g	2	{"model":"flowers@1","files":null,"profile":"scikit-learn","size":"small","environment":"scikit-learn","env":{},"secrets":[]}	{"files":"ffad55bb0f10f62a6421bae0390e9616554042724ed43a9c7441b3f8cbc70467","path":"","title":"flowers","environment":"scikit-learn","asks_for":["mlflow==3.17.2","scikit-learn","skops"],"requirements":null,"model":{"name":"flowers","version":"1"},"version_id":"ou5l2lwzr5yaihge","served_as":"flowers"}	100	1	1795303770542362	1795303758109254	c2labqwqyxjgolfd
\.


--
-- Data for Name: endpoint_tokens; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.endpoint_tokens (id, endpoint_id, hash, hint, note, created_at, created_by, expires_at) FROM stdin;
qqfutwjowkmkfbvt	m6obc7nhxwd6is2g	97216379437548d275ef0ab17be042964fee129bbcc7bc5176b634201d2b64d9	him_end_iUgv	of the release	1795303757979819	c2labqwqyxjgolfd	\N
\.


--
-- Data for Name: endpoints; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.endpoints (id, project_id, name, labels, is_wanted, next_id, next_attempt, next_weight, message, version, created_at, created_by, updated_at, deleted_at) FROM stdin;
m6obc7nhxwd6is2g	bdym2gm7zucxj2e7	flowers	{}	f	\N	1	100	\N	3	1795303743360055	c2labqwqyxjgolfd	1795303770666513	\N
\.


--
-- Data for Name: events; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events (id, kind, at, project_id, subject_kind, subject_id, subject_name, person_id, data) FROM stdin;
1	token.created	1795303693771411	\N	token	ldyluzc2sffppvnf	tests	c2labqwqyxjgolfd	{}
2	project.created	1795303693890363	bdym2gm7zucxj2e7	project	bdym2gm7zucxj2e7	ada	c2labqwqyxjgolfd	{}
3	token.created	1795303694535788	\N	token	pticmpeulir5mx27	tests	zrjucnh64lrhpp2m	{}
4	project.created	1795303694620480	ecq4pqx2p6dr5uim	project	ecq4pqx2p6dr5uim	bob	zrjucnh64lrhpp2m	{}
5	project.created	1795303694653857	hr4qkzthbct3dffq	project	hr4qkzthbct3dffq	shared	c2labqwqyxjgolfd	{}
6	project.changed	1795303694712783	hr4qkzthbct3dffq	project	hr4qkzthbct3dffq	shared	c2labqwqyxjgolfd	{"member":{"kind":"person","name":"bob","role":"viewer"},"member_id":"zrjucnh64lrhpp2m"}
7	project.changed	1795303694784779	hr4qkzthbct3dffq	project	hr4qkzthbct3dffq	shared	c2labqwqyxjgolfd	{"member":{"kind":"group","name":"chemistry","role":"editor"}}
8	secret.changed	1795303694829222	bdym2gm7zucxj2e7	secret	bdym2gm7zucxj2e7	KEY	c2labqwqyxjgolfd	{}
9	token.created	1795303694847258	\N	token	usmqm5jacj7pdr43	a note	c2labqwqyxjgolfd	{}
10	project.created	1795303694885478	fbhoa22zyobupcix	project	fbhoa22zyobupcix	gone	c2labqwqyxjgolfd	{}
11	project.deleted	1795303694975135	fbhoa22zyobupcix	project	fbhoa22zyobupcix	gone	c2labqwqyxjgolfd	{}
12	job.created	1795303695123402	bdym2gm7zucxj2e7	job	ycq3s37zuwymqj4v	train	c2labqwqyxjgolfd	{"state":"QUEUED","attempt":0}
13	job.changed	1795303695155457	bdym2gm7zucxj2e7	job	ycq3s37zuwymqj4v	train	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.136240+00:00"}
14	job.changed	1795303695534705	bdym2gm7zucxj2e7	job	ycq3s37zuwymqj4v	train	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.522417+00:00"}
15	job.changed	1795303695678494	bdym2gm7zucxj2e7	job	ycq3s37zuwymqj4v	train	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.662515+00:00"}
16	job.created	1795303695732201	bdym2gm7zucxj2e7	job	dndlai5gaueg7njf	sh	c2labqwqyxjgolfd	{"state":"QUEUED","attempt":0}
17	job.changed	1795303695757961	bdym2gm7zucxj2e7	job	dndlai5gaueg7njf	sh	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.745834+00:00"}
18	job.changed	1795303695789683	bdym2gm7zucxj2e7	job	dndlai5gaueg7njf	sh	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.787176+00:00"}
19	job.changed	1795303695798640	bdym2gm7zucxj2e7	job	dndlai5gaueg7njf	sh	\N	{"state":"QUEUED","attempt":1,"reason":"user_error","message":"It ended with exit code 3.","owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.793073+00:00"}
20	job.changed	1795303695805495	bdym2gm7zucxj2e7	job	dndlai5gaueg7njf	sh	\N	{"state":"STARTING","attempt":2,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.804145+00:00"}
21	job.changed	1795303695818822	bdym2gm7zucxj2e7	job	dndlai5gaueg7njf	sh	\N	{"state":"RUNNING","attempt":2,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.810415+00:00"}
22	job.changed	1795303695828528	bdym2gm7zucxj2e7	job	dndlai5gaueg7njf	sh	\N	{"state":"FAILED","attempt":2,"reason":"user_error","message":"It ended with exit code 3.","owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.826873+00:00"}
23	job.created	1795303695850702	bdym2gm7zucxj2e7	job	caug2kw4ccygdb2a	sleep	c2labqwqyxjgolfd	{"state":"QUEUED","attempt":0}
24	job.changed	1795303695859199	bdym2gm7zucxj2e7	job	caug2kw4ccygdb2a	sleep	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.855880+00:00"}
25	job.changed	1795303695876530	bdym2gm7zucxj2e7	job	caug2kw4ccygdb2a	sleep	\N	{"state":"STOPPING","attempt":1,"reason":"stopped_by_user","message":"Stopping: asked to end.","owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.875991+00:00"}
26	job.changed	1795303695903673	bdym2gm7zucxj2e7	job	caug2kw4ccygdb2a	sleep	\N	{"state":"STOPPED","attempt":1,"reason":"stopped_by_user","message":"It was stopped.","owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.898928+00:00"}
27	job.created	1795303695976578	bdym2gm7zucxj2e7	job	qwjlmfzfrnu76sig	true	c2labqwqyxjgolfd	{"state":"QUEUED","attempt":0}
28	job.changed	1795303695990274	bdym2gm7zucxj2e7	job	qwjlmfzfrnu76sig	true	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:15.987841+00:00"}
29	job.changed	1795303696009536	bdym2gm7zucxj2e7	job	qwjlmfzfrnu76sig	true	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:16.006348+00:00"}
30	job.changed	1795303696016528	bdym2gm7zucxj2e7	job	qwjlmfzfrnu76sig	true	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:16.009554+00:00"}
31	job.deleted	1795303696074290	bdym2gm7zucxj2e7	job	qwjlmfzfrnu76sig	true	c2labqwqyxjgolfd	{"state":"SUCCEEDED"}
32	dataset.created	1795303696222477	bdym2gm7zucxj2e7	dataset	xrmjjqlpgxchktr3	numbers	c2labqwqyxjgolfd	{}
33	dataset.changed	1795303696407792	bdym2gm7zucxj2e7	dataset	xrmjjqlpgxchktr3	numbers	c2labqwqyxjgolfd	{"state":"added","version":1}
34	dataset.changed	1795303696419261	bdym2gm7zucxj2e7	dataset	xrmjjqlpgxchktr3	numbers	c2labqwqyxjgolfd	{"state":"previewed","preview":"STARTING","version":1}
35	dataset.changed	1795303696622589	bdym2gm7zucxj2e7	dataset	xrmjjqlpgxchktr3	numbers	c2labqwqyxjgolfd	{"state":"added","version":2}
36	dataset.changed	1795303696648075	bdym2gm7zucxj2e7	dataset	xrmjjqlpgxchktr3	numbers	c2labqwqyxjgolfd	{"state":"previewed","preview":"STARTING","version":2}
37	dataset.changed	1795303696696171	bdym2gm7zucxj2e7	dataset	xrmjjqlpgxchktr3	numbers	c2labqwqyxjgolfd	{"alias":"gold","version":1}
38	dataset.changed	1795303696849085	bdym2gm7zucxj2e7	dataset	xrmjjqlpgxchktr3	numbers	c2labqwqyxjgolfd	{"state":"previewed","preview":"RUNNING","version":1}
39	dataset.changed	1795303697053838	bdym2gm7zucxj2e7	dataset	xrmjjqlpgxchktr3	numbers	c2labqwqyxjgolfd	{"state":"previewed","preview":"RUNNING","version":2}
40	dataset.changed	1795303697858625	bdym2gm7zucxj2e7	dataset	xrmjjqlpgxchktr3	numbers	c2labqwqyxjgolfd	{"state":"previewed","preview":"SUCCEEDED","version":2}
41	dataset.changed	1795303698035991	bdym2gm7zucxj2e7	dataset	xrmjjqlpgxchktr3	numbers	c2labqwqyxjgolfd	{"state":"previewed","preview":"SUCCEEDED","version":1}
42	dataset.created	1795303698642090	bdym2gm7zucxj2e7	dataset	yuojauupixnptjiu	packed	c2labqwqyxjgolfd	{}
43	dataset.changed	1795303699495834	bdym2gm7zucxj2e7	dataset	yuojauupixnptjiu	packed	c2labqwqyxjgolfd	{"state":"added","version":1}
44	dataset.deleted	1795303699515893	bdym2gm7zucxj2e7	dataset	yuojauupixnptjiu	packed	c2labqwqyxjgolfd	{}
45	experiment.created	1795303699658122	bdym2gm7zucxj2e7	experiment	jh7k4hvs4h2yf4lm	searched	c2labqwqyxjgolfd	{"state":"RUNNING"}
46	job.created	1795303700322445	bdym2gm7zucxj2e7	job	eigthn6otoo4vmsj	searched-trial-0	c2labqwqyxjgolfd	{"state":"QUEUED","attempt":0,"part_of":"experiment:jh7k4hvs4h2yf4lm"}
47	job.created	1795303700375156	bdym2gm7zucxj2e7	job	gmrmrzjfj4vzd7ae	searched-trial-1	c2labqwqyxjgolfd	{"state":"QUEUED","attempt":0,"part_of":"experiment:jh7k4hvs4h2yf4lm"}
48	job.changed	1795303700409526	bdym2gm7zucxj2e7	job	eigthn6otoo4vmsj	searched-trial-0	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:20.400468+00:00","part_of":"experiment:jh7k4hvs4h2yf4lm"}
49	job.changed	1795303700440791	bdym2gm7zucxj2e7	job	gmrmrzjfj4vzd7ae	searched-trial-1	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:20.434494+00:00","part_of":"experiment:jh7k4hvs4h2yf4lm"}
50	job.changed	1795303700492558	bdym2gm7zucxj2e7	job	eigthn6otoo4vmsj	searched-trial-0	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:20.481082+00:00","part_of":"experiment:jh7k4hvs4h2yf4lm"}
51	job.changed	1795303700530795	bdym2gm7zucxj2e7	job	gmrmrzjfj4vzd7ae	searched-trial-1	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:20.498337+00:00","part_of":"experiment:jh7k4hvs4h2yf4lm"}
52	experiment.changed	1795303701104842	bdym2gm7zucxj2e7	experiment	jh7k4hvs4h2yf4lm	searched	\N	{"trial":{"number":0,"state":"COMPLETE","values":[0.14842179082072668]}}
53	job.changed	1795303701105785	bdym2gm7zucxj2e7	job	eigthn6otoo4vmsj	searched-trial-0	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:21.092269+00:00","part_of":"experiment:jh7k4hvs4h2yf4lm"}
54	job.created	1795303701132376	bdym2gm7zucxj2e7	job	yufhwycm5a4axigo	searched-trial-2	c2labqwqyxjgolfd	{"state":"QUEUED","attempt":0,"part_of":"experiment:jh7k4hvs4h2yf4lm"}
55	experiment.changed	1795303701160415	bdym2gm7zucxj2e7	experiment	jh7k4hvs4h2yf4lm	searched	\N	{"trial":{"number":1,"state":"COMPLETE","values":[0.13017955547407545]}}
56	job.changed	1795303701160828	bdym2gm7zucxj2e7	job	gmrmrzjfj4vzd7ae	searched-trial-1	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:21.154425+00:00","part_of":"experiment:jh7k4hvs4h2yf4lm"}
57	job.changed	1795303701181305	bdym2gm7zucxj2e7	job	yufhwycm5a4axigo	searched-trial-2	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:21.178584+00:00","part_of":"experiment:jh7k4hvs4h2yf4lm"}
58	job.changed	1795303701233160	bdym2gm7zucxj2e7	job	yufhwycm5a4axigo	searched-trial-2	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:21.230333+00:00","part_of":"experiment:jh7k4hvs4h2yf4lm"}
59	experiment.changed	1795303701831851	bdym2gm7zucxj2e7	experiment	jh7k4hvs4h2yf4lm	searched	\N	{"trial":{"number":2,"state":"COMPLETE","values":[1.2578995286608845]}}
60	job.changed	1795303701832229	bdym2gm7zucxj2e7	job	yufhwycm5a4axigo	searched-trial-2	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:21.822399+00:00","part_of":"experiment:jh7k4hvs4h2yf4lm"}
61	experiment.changed	1795303701875246	bdym2gm7zucxj2e7	experiment	jh7k4hvs4h2yf4lm	searched	\N	{"state":"COMPLETE","reason":null,"message":null}
62	experiment.created	1795303702150366	bdym2gm7zucxj2e7	experiment	o2fpg3cbbafwn43x	stopped	c2labqwqyxjgolfd	{"state":"RUNNING"}
63	experiment.changed	1795303702354572	bdym2gm7zucxj2e7	experiment	o2fpg3cbbafwn43x	stopped	\N	{"state":"STOPPED","reason":"stopped_by_user","message":"Stopped. Resume it to go on."}
64	job.created	1795303702525593	bdym2gm7zucxj2e7	job	lff6n22q4ameey7u	flowers	c2labqwqyxjgolfd	{"state":"QUEUED","attempt":0}
65	job.changed	1795303702633741	bdym2gm7zucxj2e7	job	lff6n22q4ameey7u	flowers	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:22.631641+00:00"}
66	job.changed	1795303703278458	bdym2gm7zucxj2e7	job	lff6n22q4ameey7u	flowers	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:23.255029+00:00"}
67	job.changed	1795303718247054	bdym2gm7zucxj2e7	job	lff6n22q4ameey7u	flowers	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:28:38.238478+00:00"}
68	model.created	1795303741585987	bdym2gm7zucxj2e7	model	y6ijjelemx2x4mgb	flowers	c2labqwqyxjgolfd	{}
69	model.changed	1795303742723422	bdym2gm7zucxj2e7	model	y6ijjelemx2x4mgb	flowers	c2labqwqyxjgolfd	{"state":"added","version":1}
70	model.changed	1795303742975435	bdym2gm7zucxj2e7	model	y6ijjelemx2x4mgb	flowers	c2labqwqyxjgolfd	{"state":"aliased","version":1,"alias":"champion"}
71	dataset.created	1795303743029731	bdym2gm7zucxj2e7	dataset	vnbzgprfhom7s5bd	flowers	c2labqwqyxjgolfd	{}
72	dataset.changed	1795303743132184	bdym2gm7zucxj2e7	dataset	vnbzgprfhom7s5bd	flowers	c2labqwqyxjgolfd	{"state":"added","version":1}
73	dataset.changed	1795303743174386	bdym2gm7zucxj2e7	dataset	vnbzgprfhom7s5bd	flowers	c2labqwqyxjgolfd	{"state":"previewed","preview":"STARTING","version":1}
74	job.created	1795303743219604	bdym2gm7zucxj2e7	job	c26u52vn734ixh3b	evaluate-flowers	c2labqwqyxjgolfd	{"state":"QUEUED","attempt":0,"part_of":"model:ou5l2lwzr5yaihge"}
75	job.changed	1795303743274700	bdym2gm7zucxj2e7	job	c26u52vn734ixh3b	evaluate-flowers	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:29:03.254887+00:00","part_of":"model:ou5l2lwzr5yaihge"}
76	endpoint.created	1795303743367144	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	c2labqwqyxjgolfd	{"state":"STARTING"}
77	endpoint.changed	1795303743416276	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	\N	{"revision":1,"revision_state":"STARTING","attempt":1,"reason":null,"message":null}
78	job.changed	1795303743417227	bdym2gm7zucxj2e7	job	c26u52vn734ixh3b	evaluate-flowers	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:29:03.394253+00:00","part_of":"model:ou5l2lwzr5yaihge"}
79	dataset.changed	1795303743802337	bdym2gm7zucxj2e7	dataset	vnbzgprfhom7s5bd	flowers	c2labqwqyxjgolfd	{"state":"previewed","preview":"RUNNING","version":1}
80	endpoint.changed	1795303743974867	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	\N	{"revision":1,"revision_state":"RUNNING","attempt":1,"reason":null,"message":null}
81	dataset.changed	1795303746250311	bdym2gm7zucxj2e7	dataset	vnbzgprfhom7s5bd	flowers	c2labqwqyxjgolfd	{"state":"previewed","preview":"SUCCEEDED","version":1}
82	endpoint.changed	1795303757918411	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	\N	{"state":"READY","revision":1}
83	endpoint.changed	1795303758000654	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	c2labqwqyxjgolfd	{"token":"qqfutwjowkmkfbvt","made":true}
84	endpoint.changed	1795303758112256	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	c2labqwqyxjgolfd	{}
85	endpoint.changed	1795303758173787	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	\N	{"revision":2,"revision_state":"STARTING","attempt":1,"reason":null,"message":null}
86	endpoint.changed	1795303758682516	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	\N	{"revision":2,"revision_state":"RUNNING","attempt":1,"reason":null,"message":null}
87	job.changed	1795303769843166	bdym2gm7zucxj2e7	job	c26u52vn734ixh3b	evaluate-flowers	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"c2labqwqyxjgolfd","changed_at":"2026-11-21T23:29:29.841115+00:00","part_of":"model:ou5l2lwzr5yaihge"}
88	endpoint.changed	1795303770547116	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	\N	{"state":"READY","revision":2}
89	endpoint.changed	1795303770634739	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	\N	{"revision":1,"revision_state":"STOPPING","attempt":1,"reason":"stopped_by_user","message":"Stopping: asked to end."}
90	endpoint.changed	1795303770668270	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	c2labqwqyxjgolfd	{}
91	endpoint.changed	1795303770749293	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	\N	{"revision":2,"revision_state":"STOPPING","attempt":1,"reason":"stopped_by_user","message":"Stopping: asked to end."}
92	job.created	1795303770836297	ecq4pqx2p6dr5uim	job	nrzpx2jd5qlvhz2l	true	zrjucnh64lrhpp2m	{"state":"QUEUED","attempt":0}
93	job.changed	1795303770863801	ecq4pqx2p6dr5uim	job	nrzpx2jd5qlvhz2l	true	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"zrjucnh64lrhpp2m","changed_at":"2026-11-21T23:29:30.856536+00:00"}
94	job.changed	1795303771288514	ecq4pqx2p6dr5uim	job	nrzpx2jd5qlvhz2l	true	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"zrjucnh64lrhpp2m","changed_at":"2026-11-21T23:29:31.280566+00:00"}
95	job.changed	1795303771309716	ecq4pqx2p6dr5uim	job	nrzpx2jd5qlvhz2l	true	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"zrjucnh64lrhpp2m","changed_at":"2026-11-21T23:29:31.308206+00:00"}
96	endpoint.changed	1795303771642469	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	\N	{"revision":1,"revision_state":"STOPPED","attempt":1,"reason":"stopped_by_user","message":"It was stopped."}
97	endpoint.changed	1795303771691506	bdym2gm7zucxj2e7	endpoint	m6obc7nhxwd6is2g	flowers	\N	{"revision":2,"revision_state":"STOPPED","attempt":1,"reason":"stopped_by_user","message":"It was stopped."}
\.


--
-- Data for Name: experiments; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.experiments (id, project_id, name, labels, spec, version, state, reason, message, run_by, started_at, ended_at, created_at, created_by, updated_at, deleted_at) FROM stdin;
jh7k4hvs4h2yf4lm	bdym2gm7zucxj2e7	searched	{}	{"job":{"kind":"script","notebook":null,"script":"train.py","arguments":[],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{"numbers":"numbers@1"},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]},"space":{"rate":{"kind":"float","low":0.05,"high":0.3,"log":false,"step":null,"choices":null,"when":{}},"steps":{"kind":"categorical","low":null,"high":null,"log":false,"step":null,"choices":[5,10],"when":{}}},"objectives":[{"metric":"loss","direction":"minimize"}],"sampler":{"kind":"tpe","seed":3148019492,"startup_trials":null,"population":null},"pruner":{"kind":"none","startup_trials":5,"warmup_steps":0,"min_resource":1,"max_resource":null,"reduction_factor":3},"trials":3,"parallel":2,"fresh_kernel":false,"timeout_s":null,"max_failures":5}	1	COMPLETE	\N	\N	c2labqwqyxjgolfd	1795303699654496	1795303701864981	1795303699654496	c2labqwqyxjgolfd	1795303701864981	\N
o2fpg3cbbafwn43x	bdym2gm7zucxj2e7	stopped	{}	{"job":{"kind":"script","notebook":null,"script":"train.py","arguments":[],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]},"space":{"rate":{"kind":"float","low":0.05,"high":0.3,"log":false,"step":null,"choices":null,"when":{}},"steps":{"kind":"categorical","low":null,"high":null,"log":false,"step":null,"choices":[5,10],"when":{}}},"objectives":[{"metric":"loss","direction":"minimize"}],"sampler":{"kind":"tpe","seed":73546024,"startup_trials":null,"population":null},"pruner":{"kind":"none","startup_trials":5,"warmup_steps":0,"min_resource":1,"max_resource":null,"reduction_factor":3},"trials":100,"parallel":2,"fresh_kernel":false,"timeout_s":null,"max_failures":5}	1	STOPPED	stopped_by_user	Stopped. Resume it to go on.	c2labqwqyxjgolfd	1795303702142372	1795303702323975	1795303702142372	c2labqwqyxjgolfd	1795303702323975	\N
\.


--
-- Data for Name: idempotency; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.idempotency (person_id, key, fingerprint, made_id, at) FROM stdin;
c2labqwqyxjgolfd	once	2a3642dae359f8cf94f81ac14d06e06ecde4ea6ea51dbac88831cdf7503bde22	ycq3s37zuwymqj4v	1795303695123502
c2labqwqyxjgolfd	87d9b4d9fcf74a50a7082aa58ffc7647	4df612ff260d723f35f60a35d1a82f35973b714c03f99e46afaabb9dffb137b8	xrmjjqlpgxchktr3	1795303696222522
c2labqwqyxjgolfd	05e2b3590781470f89d0bec5032e72cf	e52d32875c7893176878f40c940b72205371c507d39f2e482da041ab366c155f	k4yanfdveayv2yjn	1795303696407814
c2labqwqyxjgolfd	6413fb7dc4d34348abf849a9e8e1a43b	1f1f2b2bd827752c36e66fb08d363629606b72d2fae10f5c12f5a2cbcb63fd58	waelk2vd5k6oh5vz	1795303696622662
c2labqwqyxjgolfd	964509d6a4034239a048957739bf5926	060bc174e5dee1487a8abd345ad56ef51c876c5422fdc396c5263ddd02f196fc	yuojauupixnptjiu	1795303698642115
c2labqwqyxjgolfd	bfb4bc46e2564bb4b717d95535fcc10e	239fab51ef212c9493dcf622587653f173f2c24a7b480b5a13f325a552823f65	cuexqk5ymke2ugdu	1795303699495851
c2labqwqyxjgolfd	7b38e7d862c0402ba1a5c7a106f4ade2	a88d2053e7fa5a853bcca98b5b85816a96af16a16562c0bc0c09b7eacd025487	jh7k4hvs4h2yf4lm	1795303699658151
c2labqwqyxjgolfd	3a51d2b27ac54a47add4941aa155a535	5ef3ae023b256aab71ddd15d5621e7d7b38f2acc7a115c6fc58111d8b24c8c32	o2fpg3cbbafwn43x	1795303702150399
c2labqwqyxjgolfd	03487a3bf84e4fee937e7f67a777f7ad	c011c12f81cf5bfe7d5ac403611a0ece5f34dad80e243762e96f208bcdd79467	lff6n22q4ameey7u	1795303702525724
c2labqwqyxjgolfd	64085ac2a96b4e64b698f0fec1dfc63b	052ab23a86bbb0b40d144f37d105876da57bd91e0a8134e71cd1fc4c7de038f7	vnbzgprfhom7s5bd	1795303743029747
c2labqwqyxjgolfd	a0e0ad49dec34b19a6d3ec741eb3ade7	29378e0c143dc804512e32ed8bd85ba11952a746a7fd334df28858175c4fa60f	ccoaat5jgj7bmatu	1795303743132202
c2labqwqyxjgolfd	cad5ea7ae28f4116888ba2cc87ee8e89	a0d843f4345313367c0ea0284a07c6dad85cec0feb3519b0d1f54802eebd47a7	m6obc7nhxwd6is2g	1795303743367170
\.


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.jobs (id, project_id, name, labels, spec, version, created_at, created_by, updated_at, deleted_at, part_of, inputs) FROM stdin;
ycq3s37zuwymqj4v	bdym2gm7zucxj2e7	train	{"team":"vision"}	{"kind":"script","notebook":null,"script":"train.py","arguments":[],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"ea9530b7cff5e64382d4b99dd792d312acd8a5a8035d9aaa47a8f6d3b388f2ba","inputs":{},"env":{},"secrets":["KEY"],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795303695123256	c2labqwqyxjgolfd	1795303695123256	\N	\N	\N
dndlai5gaueg7njf	bdym2gm7zucxj2e7	sh	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["sh","-c","echo no; exit 3"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"inputs":{},"env":{},"secrets":[],"priority":0,"retries":1,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795303695732052	c2labqwqyxjgolfd	1795303695732052	\N	\N	\N
caug2kw4ccygdb2a	bdym2gm7zucxj2e7	sleep	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["sleep","600"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"inputs":{},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795303695850585	c2labqwqyxjgolfd	1795303695850585	\N	\N	\N
qwjlmfzfrnu76sig	bdym2gm7zucxj2e7	true	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["/bin/true"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"inputs":{},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795303695976418	c2labqwqyxjgolfd	1795303695976418	1795303696066502	\N	\N
eigthn6otoo4vmsj	bdym2gm7zucxj2e7	searched-trial-0	{"himalia/experiment":"searched"}	{"kind":"script","notebook":null,"script":"train.py","arguments":["--rate","0.23142778240267992","--steps","10"],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{"numbers":"numbers@1"},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795303700322214	c2labqwqyxjgolfd	1795303700322214	\N	experiment:jh7k4hvs4h2yf4lm	{"numbers":{"dataset":"numbers","version":1,"version_id":"k4yanfdveayv2yjn","tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14"}}
gmrmrzjfj4vzd7ae	bdym2gm7zucxj2e7	searched-trial-1	{"himalia/experiment":"searched"}	{"kind":"script","notebook":null,"script":"train.py","arguments":["--rate","0.24105143927940287","--steps","10"],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{"numbers":"numbers@1"},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795303700375029	c2labqwqyxjgolfd	1795303700375029	\N	experiment:jh7k4hvs4h2yf4lm	{"numbers":{"dataset":"numbers","version":1,"version_id":"k4yanfdveayv2yjn","tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14"}}
yufhwycm5a4axigo	bdym2gm7zucxj2e7	searched-trial-2	{"himalia/experiment":"searched"}	{"kind":"script","notebook":null,"script":"train.py","arguments":["--rate","0.16115594653905163","--steps","5"],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{"numbers":"numbers@1"},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795303701132249	c2labqwqyxjgolfd	1795303701132249	\N	experiment:jh7k4hvs4h2yf4lm	{"numbers":{"dataset":"numbers","version":1,"version_id":"k4yanfdveayv2yjn","tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14"}}
lff6n22q4ameey7u	bdym2gm7zucxj2e7	flowers	{}	{"kind":"script","notebook":null,"script":"flowers.py","arguments":[],"command":[],"parameters":{},"profile":"scikit-learn","size":"small","environment":"scikit-learn","requirements":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","inputs":{},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795303702525378	c2labqwqyxjgolfd	1795303702525378	\N	\N	\N
c26u52vn734ixh3b	bdym2gm7zucxj2e7	evaluate-flowers	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["python","-m","himalia.serving.evaluate","model","--data=inputs/data/outputs/flowers.csv","--target=target"],"parameters":{},"profile":"scikit-learn","size":"small","environment":"scikit-learn","requirements":null,"snapshot":"e28711eea6f27eece08498f22c1f570c1382f15e859934a08c2f5a308f6d2977","inputs":{"data":"flowers@1"},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795303743219484	c2labqwqyxjgolfd	1795303743219484	\N	model:ou5l2lwzr5yaihge	{"data":{"dataset":"flowers","version":1,"version_id":"ccoaat5jgj7bmatu","tree":"a40d0e9d757c4983303765f77ac5a584eb3c18c40333f4171ea663340ca7524d"}}
nrzpx2jd5qlvhz2l	ecq4pqx2p6dr5uim	true	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["/bin/true"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"inputs":{},"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795303770836173	zrjucnh64lrhpp2m	1795303770836173	\N	\N	\N
\.


--
-- Data for Name: links; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.links (from_id, to_id, kind) FROM stdin;
job:eigthn6otoo4vmsj	dataset:k4yanfdveayv2yjn	input
job:eigthn6otoo4vmsj	experiment:jh7k4hvs4h2yf4lm	trial
job:gmrmrzjfj4vzd7ae	dataset:k4yanfdveayv2yjn	input
job:gmrmrzjfj4vzd7ae	experiment:jh7k4hvs4h2yf4lm	trial
job:yufhwycm5a4axigo	dataset:k4yanfdveayv2yjn	input
job:yufhwycm5a4axigo	experiment:jh7k4hvs4h2yf4lm	trial
model:ou5l2lwzr5yaihge	job:lff6n22q4ameey7u	source
dataset:ccoaat5jgj7bmatu	job:lff6n22q4ameey7u	output
job:c26u52vn734ixh3b	dataset:ccoaat5jgj7bmatu	input
job:c26u52vn734ixh3b	model:ou5l2lwzr5yaihge	evaluates
endpoint:qkftchdpu6d3uzxc	model:ou5l2lwzr5yaihge	serves
endpoint:xvpilzqnovehaynt	model:ou5l2lwzr5yaihge	serves
\.


--
-- Data for Name: members; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.members (project_id, kind, member, role) FROM stdin;
bdym2gm7zucxj2e7	person	c2labqwqyxjgolfd	owner
ecq4pqx2p6dr5uim	person	zrjucnh64lrhpp2m	owner
hr4qkzthbct3dffq	person	c2labqwqyxjgolfd	owner
hr4qkzthbct3dffq	person	zrjucnh64lrhpp2m	viewer
hr4qkzthbct3dffq	group	chemistry	editor
fbhoa22zyobupcix	person	c2labqwqyxjgolfd	owner
\.


--
-- Data for Name: metrics; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.metrics (id, workload_id, attempt, name, step, value, at, source) FROM stdin;
1	ycq3s37zuwymqj4v	1	accuracy	0	0.5	1795303695585226	\N
2	ycq3s37zuwymqj4v	1	accuracy	1	0.75	1795303695589996	\N
3	gmrmrzjfj4vzd7ae	1	loss	0	4.09818542789042	1795303700913926	\N
4	gmrmrzjfj4vzd7ae	1	loss	1	2.4175302545581605	1795303700922683	\N
5	gmrmrzjfj4vzd7ae	1	loss	2	1.5715111987602466	1795303700922881	\N
6	gmrmrzjfj4vzd7ae	1	loss	3	1.068464404017683	1795303700923031	\N
7	gmrmrzjfj4vzd7ae	1	loss	4	0.7406264885612494	1795303700923175	\N
8	gmrmrzjfj4vzd7ae	1	loss	5	0.5179219000611982	1795303700923319	\N
9	gmrmrzjfj4vzd7ae	1	loss	6	0.3640335846987699	1795303700923456	\N
10	gmrmrzjfj4vzd7ae	1	loss	7	0.25697942880592656	1795303700923593	\N
11	gmrmrzjfj4vzd7ae	1	loss	8	0.1823113806908558	1795303700923735	\N
12	gmrmrzjfj4vzd7ae	1	loss	9	0.13017955547407545	1795303700923864	\N
13	eigthn6otoo4vmsj	1	loss	0	4.09818542789042	1795303700936606	\N
14	eigthn6otoo4vmsj	1	loss	1	2.4721994869505624	1795303700946766	\N
15	eigthn6otoo4vmsj	1	loss	2	1.6304855422531062	1795303700946996	\N
16	eigthn6otoo4vmsj	1	loss	3	1.1232343389660395	1795303700947163	\N
17	eigthn6otoo4vmsj	1	loss	4	0.7892570630897277	1795303700947309	\N
18	eigthn6otoo4vmsj	1	loss	5	0.5597550030091726	1795303700947452	\N
19	eigthn6otoo4vmsj	1	loss	6	0.399058156406459	1795303700947588	\N
20	eigthn6otoo4vmsj	1	loss	7	0.28564841168068233	1795303700947729	\N
21	eigthn6otoo4vmsj	1	loss	8	0.20535066985765563	1795303700947875	\N
22	eigthn6otoo4vmsj	1	loss	9	0.14842179082072668	1795303700948023	\N
23	yufhwycm5a4axigo	1	loss	0	4.09818542789042	1795303701690873	\N
24	yufhwycm5a4axigo	1	loss	1	2.9027245263853856	1795303701691637	\N
25	yufhwycm5a4axigo	1	loss	2	2.143023433137636	1795303701691837	\N
26	yufhwycm5a4axigo	1	loss	3	1.6271518473485214	1795303701691984	\N
27	yufhwycm5a4axigo	1	loss	4	1.2578995286608845	1795303701692121	\N
28	lff6n22q4ameey7u	1	accuracy	0	0.9733333333333334	1795303710727017	\N
29	c26u52vn734ixh3b	1	score	0	0.9733333333333334	1795303761271000	mlflow
30	c26u52vn734ixh3b	1	example_count	0	150	1795303761271000	mlflow
31	c26u52vn734ixh3b	1	accuracy_score	0	0.9733333333333334	1795303761271000	mlflow
32	c26u52vn734ixh3b	1	recall_score	0	0.9733333333333334	1795303761271000	mlflow
33	c26u52vn734ixh3b	1	precision_score	0	0.9738247863247864	1795303761271000	mlflow
34	c26u52vn734ixh3b	1	f1_score	0	0.9733226623982927	1795303761271000	mlflow
35	c26u52vn734ixh3b	1	log_loss	0	0.11954966540353854	1795303761271000	mlflow
36	c26u52vn734ixh3b	1	roc_auc	0	0.9984	1795303761271000	mlflow
37	c26u52vn734ixh3b	1	score	0	0.9733333333333334	1795303766507161	\N
38	c26u52vn734ixh3b	1	example_count	0	150	1795303766510401	\N
39	c26u52vn734ixh3b	1	accuracy_score	0	0.9733333333333334	1795303766513563	\N
40	c26u52vn734ixh3b	1	recall_score	0	0.9733333333333334	1795303766518555	\N
41	c26u52vn734ixh3b	1	precision_score	0	0.9738247863247864	1795303766521805	\N
42	c26u52vn734ixh3b	1	f1_score	0	0.9733226623982927	1795303766530405	\N
43	c26u52vn734ixh3b	1	log_loss	0	0.11954966540353854	1795303766531730	\N
44	c26u52vn734ixh3b	1	roc_auc	0	0.9984	1795303766534335	\N
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
ycq3s37zuwymqj4v	1	bdym2gm7zucxj2e7	a19fffdbf5a0467f99771bf327848082	f	t
lff6n22q4ameey7u	1	bdym2gm7zucxj2e7	5015a4c940a44e25b4e748d2032d8f3d	f	t
gmrmrzjfj4vzd7ae	1	bdym2gm7zucxj2e7	9b81cda432154a1ca8354feaae9af123	f	t
eigthn6otoo4vmsj	1	bdym2gm7zucxj2e7	97f350697ee54e588baa4a9fef1a21c6	f	t
yufhwycm5a4axigo	1	bdym2gm7zucxj2e7	8894e0c6781a41c7abdee17178932b46	f	t
c26u52vn734ixh3b	1	bdym2gm7zucxj2e7	a2c2b308464545a88f1cd1c14535214e	t	t
\.


--
-- Data for Name: model_aliases; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.model_aliases (model_id, alias, version_id) FROM stdin;
y6ijjelemx2x4mgb	champion	ou5l2lwzr5yaihge
\.


--
-- Data for Name: model_evaluations; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.model_evaluations (job_id, version_id, dataset, target, created_at, created_by) FROM stdin;
c26u52vn734ixh3b	ou5l2lwzr5yaihge	flowers@1	target	1795303743219690	c2labqwqyxjgolfd
\.


--
-- Data for Name: model_versions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.model_versions (id, model_id, number, description, source, tree, files, size, manifest, environment, metrics, parameters, problem, version, created_at, created_by, updated_at) FROM stdin;
ou5l2lwzr5yaihge	y6ijjelemx2x4mgb	1	Three kinds of iris	{"job":"flowers","job_id":"lff6n22q4ameey7u","attempt":1,"experiment":null,"trial":null,"run_id":"5015a4c940a44e25b4e748d2032d8f3d","path":"outputs/model"}	ffad55bb0f10f62a6421bae0390e9616554042724ed43a9c7441b3f8cbc70467	5	12330	{"flavors":["python_function","sklearn"],"signature":{"inputs":[{"name":"sepal length (cm)","type":"double","shape":null,"required":true},{"name":"sepal width (cm)","type":"double","shape":null,"required":true},{"name":"petal length (cm)","type":"double","shape":null,"required":true},{"name":"petal width (cm)","type":"double","shape":null,"required":true}],"outputs":[{"name":null,"type":"int64","shape":[-1],"required":true}],"params":[]},"requirements":["mlflow==3.17.2","scikit-learn","skops"]}	scikit-learn	{"accuracy":0.9733333333333334}	{}	\N	1	1795303742705864	c2labqwqyxjgolfd	1795303742705864
\.


--
-- Data for Name: models; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.models (id, project_id, name, labels, spec, version, created_at, created_by, updated_at) FROM stdin;
y6ijjelemx2x4mgb	bdym2gm7zucxj2e7	flowers	{}	{"description":""}	1	1795303741578463	c2labqwqyxjgolfd	1795303742705864
\.


--
-- Data for Name: objects; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.objects (project_id, digest, size, created_at) FROM stdin;
bdym2gm7zucxj2e7	934fa8ef6ab846074eb21ea379e6ade1ecd58efa75ff4f80d2de098d1702309d	173	1795303695038711
bdym2gm7zucxj2e7	ea9530b7cff5e64382d4b99dd792d312acd8a5a8035d9aaa47a8f6d3b388f2ba	137	1795303695081442
bdym2gm7zucxj2e7	44e86eb38ff9b065a1e805dd61f624e334a4296479e4be43c354ca8af90b0340	6	1795303695635882
bdym2gm7zucxj2e7	64eed3c87ddbb6560bdd79d13c10275b726e0c8953819146a9ad4f91b4360473	12	1795303696345841
bdym2gm7zucxj2e7	920a7003f35db89c42dc500905e7c98ee7013fd6f64053b53ce4c3295efbb12c	813	1795303697812902
bdym2gm7zucxj2e7	d713124dcd64dd5aed5d81c7ef2d396d649a31ff434ef3702e994c8ba882091c	739	1795303698023425
bdym2gm7zucxj2e7	07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14	137	1795303698473877
bdym2gm7zucxj2e7	2461ace60260d4a9f3a6545dbfba22aff5222f4c6f0c3db0454a8d656df15c79	134	1795303698701037
bdym2gm7zucxj2e7	47d7f7d752c1e560d5e7d645f766d4526e8f8a1719d56a8830ec9eef544f55d7	136	1795303698769746
bdym2gm7zucxj2e7	3eabbfd7dc07814cc207d196e79219f00fd6140ae686dead1939e09f7da40af0	16	1795303699363841
bdym2gm7zucxj2e7	803ef719403920626d950ff0af26fda1c73732a64784edfb22f9e344a5335096	137	1795303699484688
bdym2gm7zucxj2e7	47f592b2ef25fd2ec92535e2ed56ca22d6c521bd79faa9930afa34b9f3c4ccab	7088	1795303699550549
bdym2gm7zucxj2e7	217b4c1427e8de0cea49d3661c013a7cc6a3638f1be678ff806f0f1be4aafaa6	2080	1795303699564759
bdym2gm7zucxj2e7	294e5b11563d49b858eb6843bbc676cbe23a8028166193410b58d1c623504bf7	756	1795303699565623
bdym2gm7zucxj2e7	50e5b3e21e9f49547b7f6fcf73e8b6163c855c42bee91baf3ab4fffeb78c8794	992	1795303699572727
bdym2gm7zucxj2e7	585cb917121c14e10bbc062959ea407bb5a4859d05f527ab3e4ba075cccb8729	9078	1795303699586421
bdym2gm7zucxj2e7	ad240d4bca86df4c89dbb3a4ceacca002fe39741cda5ac79bfbfefc7e2b2303a	698	1795303699587324
bdym2gm7zucxj2e7	b5a70ffcfb38c54aed161801ff6359cfc9fc10f52cad11cffdd0bed8139cb19d	853	1795303699597956
bdym2gm7zucxj2e7	af1d399e93c9bcb9f6621b31d3dbcc37a5a089fcf3d4ffd2530e3ff1337277cf	649	1795303699611186
bdym2gm7zucxj2e7	b5352d75a1eb3db3490517ce9aba42b97c5a63ddcd78f064131723efbf8ed2e8	50	1795303701079227
bdym2gm7zucxj2e7	212b4703898c09255922efacbfa0100ff0687cdf3b7a2763260c4be6f5f3b86a	50	1795303701118664
bdym2gm7zucxj2e7	0106391ce3d58e3bdac83238df02d7a354511f3f5dac494a3b4a7864461cf43b	50	1795303701807116
bdym2gm7zucxj2e7	33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7	1049	1795303702446560
bdym2gm7zucxj2e7	ffad55bb0f10f62a6421bae0390e9616554042724ed43a9c7441b3f8cbc70467	660	1795303741810508
bdym2gm7zucxj2e7	a40d0e9d757c4983303765f77ac5a584eb3c18c40333f4171ea663340ca7524d	868	1795303743102475
bdym2gm7zucxj2e7	29e59203a9d6ad2c1bdfb8b064f5b77ebbf6246842b493a0d2a07fe4655d5de1	2777	1795303743120346
bdym2gm7zucxj2e7	e28711eea6f27eece08498f22c1f570c1382f15e859934a08c2f5a308f6d2977	690	1795303743201918
bdym2gm7zucxj2e7	f246c288cc5566a2ea4767b9ca33a6500dd8d270e2743c36ead706238a312433	988	1795303743206698
bdym2gm7zucxj2e7	c43dfd2080ad2146007614f7f94525a82d859298e0242502c947bda7f70b552d	130	1795303743206698
bdym2gm7zucxj2e7	0dcbe835f3e014ee653e86be56f5487d02f398e860c586b8a1e32120dae470ed	11081	1795303743206698
bdym2gm7zucxj2e7	17c9cfffd952c4ce4b0ae4b65d83876e4058ffe7de52f9c1c12c2c08a109cc14	98	1795303743206698
bdym2gm7zucxj2e7	b32e1914328fa2e1bfefd142e9cee1f4cc03e9c41091fbba24cea1f59a0a8731	33	1795303743206698
bdym2gm7zucxj2e7	d576abcca3c6075e3daed24bd7fd2761c2de2e122b48fc2c5d5acc2941a7e28a	6825	1795303746182347
bdym2gm7zucxj2e7	9841047e6573a192c81e5ecadaa22a542f460b6fe2d28891b953206908b791bd	68367	1795303769565846
bdym2gm7zucxj2e7	02b45c263b7619024ef92f66501b4a75ef5506aee38957f30a22ebe6e0bffe46	29139	1795303769613618
bdym2gm7zucxj2e7	41ab977b1e05bce431bca4f7c4e1a4dbc88f642f7714d9239ba90dabfd88e95c	434	1795303769665635
bdym2gm7zucxj2e7	3edb2d9d62099df849458b3296d6dce6685562c1d9b4630a2af44114319bcf14	44327	1795303769707086
bdym2gm7zucxj2e7	75edce495629333a302ec884e495f700c6c5df2890f5380d71ffbaca761bc62f	47746	1795303769736729
bdym2gm7zucxj2e7	3968ec3a19d60f012b00cdb571f8bdcb627ae7ef18eeb371966ece88be65a31f	1130	1795303769765308
bdym2gm7zucxj2e7	183168be97eff5ce122260b15aad9afe7721410f4a3b1ee259992e8042ebf3f5	248	1795303769796474
bdym2gm7zucxj2e7	749d7620e31ea06c7bf75a20559bccf803b958fc37ebc729a02fe3a299611a18	1318	1795303769832353
\.


--
-- Data for Name: outputs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.outputs (workload_id, attempt, path, size, digest) FROM stdin;
ycq3s37zuwymqj4v	1	result.txt	6	44e86eb38ff9b065a1e805dd61f624e334a4296479e4be43c354ca8af90b0340
r7ijzkai2f3yjghn	1	outputs/preview.json	813	920a7003f35db89c42dc500905e7c98ee7013fd6f64053b53ce4c3295efbb12c
o2hp32xjiksenkah	1	outputs/preview.json	739	d713124dcd64dd5aed5d81c7ef2d396d649a31ff434ef3702e994c8ba882091c
lxswd5dudpsrvixe	1	outputs/manifest.json	137	07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14
kyp7d7pxvyycbb32	1	outputs/table.csv	16	3eabbfd7dc07814cc207d196e79219f00fd6140ae686dead1939e09f7da40af0
eigthn6otoo4vmsj	1	line.txt	50	b5352d75a1eb3db3490517ce9aba42b97c5a63ddcd78f064131723efbf8ed2e8
gmrmrzjfj4vzd7ae	1	line.txt	50	212b4703898c09255922efacbfa0100ff0687cdf3b7a2763260c4be6f5f3b86a
yufhwycm5a4axigo	1	line.txt	50	0106391ce3d58e3bdac83238df02d7a354511f3f5dac494a3b4a7864461cf43b
lff6n22q4ameey7u	1	outputs/flowers.csv	2777	29e59203a9d6ad2c1bdfb8b064f5b77ebbf6246842b493a0d2a07fe4655d5de1
lff6n22q4ameey7u	1	outputs/model/MLmodel	988	f246c288cc5566a2ea4767b9ca33a6500dd8d270e2743c36ead706238a312433
lff6n22q4ameey7u	1	outputs/model/conda.yaml	130	c43dfd2080ad2146007614f7f94525a82d859298e0242502c947bda7f70b552d
lff6n22q4ameey7u	1	outputs/model/model.skops	11081	0dcbe835f3e014ee653e86be56f5487d02f398e860c586b8a1e32120dae470ed
lff6n22q4ameey7u	1	outputs/model/python_env.yaml	98	17c9cfffd952c4ce4b0ae4b65d83876e4058ffe7de52f9c1c12c2c08a109cc14
lff6n22q4ameey7u	1	outputs/model/requirements.txt	33	b32e1914328fa2e1bfefd142e9cee1f4cc03e9c41091fbba24cea1f59a0a8731
ywc6pxsjjmoslads	1	outputs/preview.json	6825	d576abcca3c6075e3daed24bd7fd2761c2de2e122b48fc2c5d5acc2941a7e28a
c26u52vn734ixh3b	1	outputs/evaluation/artifacts/calibration_curve_plot.png	68367	9841047e6573a192c81e5ecadaa22a542f460b6fe2d28891b953206908b791bd
c26u52vn734ixh3b	1	outputs/evaluation/artifacts/confusion_matrix.png	29139	02b45c263b7619024ef92f66501b4a75ef5506aee38957f30a22ebe6e0bffe46
c26u52vn734ixh3b	1	outputs/evaluation/artifacts/per_class_metrics.csv	434	41ab977b1e05bce431bca4f7c4e1a4dbc88f642f7714d9239ba90dabfd88e95c
c26u52vn734ixh3b	1	outputs/evaluation/artifacts/precision_recall_curve_plot.png	44327	3edb2d9d62099df849458b3296d6dce6685562c1d9b4630a2af44114319bcf14
c26u52vn734ixh3b	1	outputs/evaluation/artifacts/roc_curve_plot.png	47746	75edce495629333a302ec884e495f700c6c5df2890f5380d71ffbaca761bc62f
c26u52vn734ixh3b	1	outputs/evaluation/artifacts_metadata.json	1130	3968ec3a19d60f012b00cdb571f8bdcb627ae7ef18eeb371966ece88be65a31f
c26u52vn734ixh3b	1	outputs/evaluation/metrics.json	248	183168be97eff5ce122260b15aad9afe7721410f4a3b1ee259992e8042ebf3f5
c26u52vn734ixh3b	1	outputs/evaluation/report.json	1318	749d7620e31ea06c7bf75a20559bccf803b958fc37ebc729a02fe3a299611a18
\.


--
-- Data for Name: people; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.people (id, name, hub_created, number, groups, created_at) FROM stdin;
c2labqwqyxjgolfd	ada	2026-11-21T23:28:13.338199Z	1	[]	1795303693726379
zrjucnh64lrhpp2m	bob	2026-11-21T23:28:14.200871Z	2	[]	1795303694520494
\.


--
-- Data for Name: projects; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects (id, name, title, description, labels, personal_of, number, version, created_at, created_by, updated_at, deleted_at) FROM stdin;
bdym2gm7zucxj2e7	ada			{}	c2labqwqyxjgolfd	1	1	1795303693879086	c2labqwqyxjgolfd	1795303693879086	\N
ecq4pqx2p6dr5uim	bob			{}	zrjucnh64lrhpp2m	2	1	1795303694616870	zrjucnh64lrhpp2m	1795303694616870	\N
hr4qkzthbct3dffq	shared	Shared		{}	\N	3	1	1795303694652261	c2labqwqyxjgolfd	1795303694652261	\N
fbhoa22zyobupcix	gone			{}	\N	4	1	1795303694881284	c2labqwqyxjgolfd	1795303694881284	1795303694974084
\.


--
-- Data for Name: secrets; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.secrets (project_id, name, value, updated_at, updated_by) FROM stdin;
bdym2gm7zucxj2e7	KEY	\\x674141414141427241696b4f335043686d787a42306f5a7176383152556c636c50644c567a4a4b4b7239314e4339764f2d6c38674342347332475f437935415076574456466b394a4c59765f7936505a7a57384f43787850347731306b4856336d413d3d	1795303694826438	c2labqwqyxjgolfd
\.


--
-- Data for Name: tokens; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.tokens (id, person_id, hash, note, scopes, project_id, created_at, expires_at, deleted_at) FROM stdin;
ldyluzc2sffppvnf	c2labqwqyxjgolfd	271ee3f0a8e17a7aef47b5658abf3ed99ee57f88794dbd090476269a084e577a	tests	["write"]	\N	1795303693764970	1797895693764970	\N
pticmpeulir5mx27	zrjucnh64lrhpp2m	f2bdf10168cde3179b07964b4b9793afb253a9853bbfe270298ad9b0209245ac	tests	["write"]	\N	1795303694532582	1797895694532582	\N
usmqm5jacj7pdr43	c2labqwqyxjgolfd	f3bcb7389334907f060767079247fc4f193713077e068a720a82466dd29524a2	a note	["read"]	\N	1795303694846319	1797895694846319	\N
\.


--
-- Data for Name: trials; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.trials (experiment_id, number, job_id, parameters, notes, state, "values", message, pruned_step, created_at, ended_at) FROM stdin;
jh7k4hvs4h2yf4lm	0	eigthn6otoo4vmsj	{"rate":0.23142778240267992,"steps":10}	{}	COMPLETE	[0.14842179082072668]	\N	\N	1795303700322581	1795303701094904
jh7k4hvs4h2yf4lm	1	gmrmrzjfj4vzd7ae	{"rate":0.24105143927940287,"steps":10}	{}	COMPLETE	[0.13017955547407545]	\N	\N	1795303700375236	1795303701160115
jh7k4hvs4h2yf4lm	2	yufhwycm5a4axigo	{"rate":0.16115594653905163,"steps":5}	{}	COMPLETE	[1.2578995286608845]	\N	\N	1795303701132452	1795303701831510
\.


--
-- Data for Name: workloads; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.workloads (id, kind, name, project_id, person_id, spec, needs_id, priority, state, attempt, reason, message, machine, devices, restarts, tries, created_at, queued_at, started_at, ended_at) FROM stdin;
ycq3s37zuwymqj4v	job	train	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"base","overlay":null,"snapshot":"ea9530b7cff5e64382d4b99dd792d312acd8a5a8035d9aaa47a8f6d3b388f2ba","task":{"kind":"script","snapshot":true,"command":["train.py"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":["KEY"],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303695123354	1795303695123354	1795303695522417	1795303695662515
dndlai5gaueg7njf	job	sh	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["sh","-c","echo no; exit 3"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":1,"max_restarts":3}	\N	0	FAILED	2	user_error	It ended with exit code 3.	vm	{}	0	1	1795303695732153	1795303695793073	1795303695810415	1795303695826873
caug2kw4ccygdb2a	job	sleep	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["sleep","600"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	STOPPED	1	stopped_by_user	It was stopped.	vm	{}	0	0	1795303695850663	1795303695850663	1795303695878186	1795303695898928
qwjlmfzfrnu76sig	job	true	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["/bin/true"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303695976526	1795303695976526	1795303696006348	1795303696009554
r7ijzkai2f3yjghn	task	preview-803ef719	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"","overlay":null,"snapshot":null,"task":{"kind":"command","command":["/tmp/w/docs5/.venv/bin/python","-m","himalia.datasets.work.preview","inputs/version","outputs"],"snapshot":false},"reserve":{"cpus":1.0,"memory_bytes":536870912,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":3221225472,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":600.0,"retries":0,"max_restarts":1,"purpose":"preview","inputs":{"inputs/version":{"tree":"803ef719403920626d950ff0af26fda1c73732a64784edfb22f9e344a5335096","path":""}},"isolated":true}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303696610691	1795303696610691	1795303697050733	1795303697846516
o2hp32xjiksenkah	task	preview-07857183	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"","overlay":null,"snapshot":null,"task":{"kind":"command","command":["/tmp/w/docs5/.venv/bin/python","-m","himalia.datasets.work.preview","inputs/version","outputs"],"snapshot":false},"reserve":{"cpus":1.0,"memory_bytes":536870912,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":3221225472,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":600.0,"retries":0,"max_restarts":1,"purpose":"preview","inputs":{"inputs/version":{"tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14","path":""}},"isolated":true}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303696406506	1795303696406506	1795303696833223	1795303698033444
lxswd5dudpsrvixe	task	verify-07857183	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"","overlay":null,"snapshot":null,"task":{"kind":"command","command":["/tmp/w/docs5/.venv/bin/python","-m","himalia.datasets.work.verify","inputs/version","outputs"],"snapshot":false},"reserve":{"cpus":1.0,"memory_bytes":536870912,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":3221225472,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":86400.0,"retries":0,"max_restarts":1,"purpose":"verify","inputs":{"inputs/version":{"tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14","path":""}},"isolated":true}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303697925553	1795303697925553	1795303698310261	1795303698491573
kyp7d7pxvyycbb32	task	import-bv7rcpk2fa6adpgm	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"","overlay":null,"snapshot":null,"task":{"kind":"command","command":["/tmp/w/docs5/.venv/bin/python","-m","himalia.datasets.work.unpack","inputs/archive","outputs","--limits","files=100000,total=214748364800,file=107374182400,ratio=200,free=1073741824"],"snapshot":false},"reserve":{"cpus":1.0,"memory_bytes":536870912,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":3221225472,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":21600.0,"retries":0,"max_restarts":1,"purpose":"import","inputs":{"inputs/archive":{"tree":"47d7f7d752c1e560d5e7d645f766d4526e8f8a1719d56a8830ec9eef544f55d7","path":"archive"}},"isolated":true}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303698790053	1795303698790053	1795303699095062	1795303699391558
eigthn6otoo4vmsj	job	searched-trial-0	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"base","overlay":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","task":{"kind":"script","snapshot":true,"command":["train.py","--rate","0.23142778240267992","--steps","10"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"inputs/numbers":{"tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14","path":""}},"kernel_group":"jh7k4hvs4h2yf4lm"}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303700322384	1795303700322384	1795303700481082	1795303701092269
gmrmrzjfj4vzd7ae	job	searched-trial-1	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"base","overlay":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","task":{"kind":"script","snapshot":true,"command":["train.py","--rate","0.24105143927940287","--steps","10"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"inputs/numbers":{"tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14","path":""}},"kernel_group":"jh7k4hvs4h2yf4lm"}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303700375122	1795303700375122	1795303700498337	1795303701154425
yufhwycm5a4axigo	job	searched-trial-2	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"base","overlay":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","task":{"kind":"script","snapshot":true,"command":["train.py","--rate","0.16115594653905163","--steps","5"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"inputs/numbers":{"tree":"07857183b23ee674da113842435698cc5d7e451b0e5b71805fc34e2ba6486e14","path":""}},"kernel_group":"jh7k4hvs4h2yf4lm"}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303701132342	1795303701132342	1795303701230333	1795303701822399
lff6n22q4ameey7u	job	flowers	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"scikit-learn","overlay":null,"snapshot":"33e0af4ce627c77c7a30d0d902642457ba9439ca4bddc7ffd090f699b9dd34a7","task":{"kind":"script","snapshot":true,"command":["flowers.py"]},"reserve":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303702525531	1795303702525531	1795303703255029	1795303718238478
ywc6pxsjjmoslads	task	preview-a40d0e9d	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"","overlay":null,"snapshot":null,"task":{"kind":"command","command":["/tmp/w/docs5/.venv/bin/python","-m","himalia.datasets.work.preview","inputs/version","outputs"],"snapshot":false},"reserve":{"cpus":1.0,"memory_bytes":536870912,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":3221225472,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":600.0,"retries":0,"max_restarts":1,"purpose":"preview","inputs":{"inputs/version":{"tree":"a40d0e9d757c4983303765f77ac5a584eb3c18c40333f4171ea663340ca7524d","path":""}},"isolated":true}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303743131438	1795303743131438	1795303743778333	1795303746213267
c26u52vn734ixh3b	job	evaluate-flowers	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"scikit-learn","overlay":null,"snapshot":"e28711eea6f27eece08498f22c1f570c1382f15e859934a08c2f5a308f6d2977","task":{"kind":"command","snapshot":true,"command":["python","-m","himalia.serving.evaluate","model","--data=inputs/data/outputs/flowers.csv","--target=target"]},"reserve":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"inputs/data":{"tree":"a40d0e9d757c4983303765f77ac5a584eb3c18c40333f4171ea663340ca7524d","path":""}}}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303743219572	1795303743219572	1795303743394253	1795303769841115
nrzpx2jd5qlvhz2l	job	true	ecq4pqx2p6dr5uim	zrjucnh64lrhpp2m	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["/bin/true"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795303770836260	1795303770836260	1795303771280566	1795303771308206
qkftchdpu6d3uzxc	endpoint	flowers-1	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"scikit-learn","overlay":null,"snapshot":null,"task":{"kind":"command","command":["python","-m","himalia.serving","model","--name","flowers","--version","1"],"snapshot":false},"reserve":{"cpus":0.0,"memory_bytes":2147483648,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"model":{"tree":"ffad55bb0f10f62a6421bae0390e9616554042724ed43a9c7441b3f8cbc70467","path":""}},"isolated":true}	\N	0	STOPPED	1	stopped_by_user	It was stopped.	vm	{}	0	0	1795303743364937	1795303743364937	1795303743966345	1795303771636635
xvpilzqnovehaynt	endpoint	flowers-2	bdym2gm7zucxj2e7	c2labqwqyxjgolfd	{"environment":"scikit-learn","overlay":null,"snapshot":null,"task":{"kind":"command","command":["python","-m","himalia.serving","model","--name","flowers","--version","2"],"snapshot":false},"reserve":{"cpus":0.0,"memory_bytes":2147483648,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":2147483648,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3,"inputs":{"model":{"tree":"ffad55bb0f10f62a6421bae0390e9616554042724ed43a9c7441b3f8cbc70467","path":""}},"isolated":true}	\N	0	STOPPED	1	stopped_by_user	It was stopped.	vm	{}	0	0	1795303758110205	1795303758110205	1795303758662340	1795303771682872
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

\unrestrict gwHEm0EF1LD3N72L77wVpRi6ZbsMEq6OPWPehJtBKIidKhqqgxymUDZ67JHf9bL

