--
-- PostgreSQL database dump
--

\restrict xNFUgfBeJw7HxJU9jPijsWbLrsONOio6uqqYNVeKmsgjrOVoYOkVKqAmjJvLemz

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
    deleted_at bigint
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
    at bigint NOT NULL
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
0001
\.


--
-- Data for Name: attempts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.attempts (workload_id, attempt, state, reason, message, machine, starting_at, started_at, ended_at, exit_code, cpu_s, wall_s, max_memory_bytes, log_bytes, log_dropped_bytes, progress) FROM stdin;
bbey2dusj3q2dlfc	1	SUCCEEDED	\N	\N	vm	1795275491515099	1795275491667389	1795275491709448	0	0.027	0.029	23986176	5	0	null
w2af3gifenilmwdj	1	FAILED	user_error	It ended with exit code 3.	vm	1795275491730836	1795275491734793	1795275491743156	3	0.001	0.001	23986176	3	0	null
w2af3gifenilmwdj	2	FAILED	user_error	It ended with exit code 3.	vm	1795275491749871	1795275491753137	1795275491756863	3	0.001	0.001	23986176	3	0	null
k6fjtedcev5yii7g	1	STOPPED	stopped_by_user	It was stopped.	vm	1795275491773308	1795275491776423	1795275491786744	143	0.001	0.005	23986176	0	0	null
iwvliybmhcm6qxtw	1	SUCCEEDED	\N	\N	vm	1795275491809468	1795275491816959	1795275491828783	0	0.001	0.001	23986176	0	0	null
seb43nh2x2iqr5gu	1	SUCCEEDED	\N	\N	vm	1795275491854625	1795275491939847	1795275491944768	0	0.001	0.001	23879680	0	0	null
\.


--
-- Data for Name: events; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.events (id, kind, at, project_id, subject_kind, subject_id, subject_name, person_id, data) FROM stdin;
1	token.created	1795275491147714	\N	token	tv7kp55sbafae7t7	tests	kemrdli4ggurtvaw	{}
2	project.created	1795275491187742	geoy3g3mszyyvjf4	project	geoy3g3mszyyvjf4	ada	kemrdli4ggurtvaw	{}
3	token.created	1795275491373830	\N	token	sqndg2npadeton72	tests	o2jqfebnyjxergu5	{}
4	project.created	1795275491402793	uupfzpxyf2r3bfbh	project	uupfzpxyf2r3bfbh	bob	o2jqfebnyjxergu5	{}
5	project.created	1795275491410412	e2fn75pvzreyjayi	project	e2fn75pvzreyjayi	shared	kemrdli4ggurtvaw	{}
6	project.changed	1795275491423781	e2fn75pvzreyjayi	project	e2fn75pvzreyjayi	shared	kemrdli4ggurtvaw	{"member":{"kind":"person","name":"bob","role":"viewer"}}
7	project.changed	1795275491434903	e2fn75pvzreyjayi	project	e2fn75pvzreyjayi	shared	kemrdli4ggurtvaw	{"member":{"kind":"group","name":"chemistry","role":"editor"}}
8	secret.changed	1795275491445446	geoy3g3mszyyvjf4	secret	geoy3g3mszyyvjf4	KEY	kemrdli4ggurtvaw	{}
9	token.created	1795275491450662	\N	token	ymaeig4p4qcixvhg	a note	kemrdli4ggurtvaw	{}
10	project.created	1795275491458082	zjg3foisx5zf5ijk	project	zjg3foisx5zf5ijk	gone	kemrdli4ggurtvaw	{}
11	project.deleted	1795275491468077	zjg3foisx5zf5ijk	project	zjg3foisx5zf5ijk	gone	kemrdli4ggurtvaw	{}
12	job.created	1795275491508350	geoy3g3mszyyvjf4	job	bbey2dusj3q2dlfc	train	kemrdli4ggurtvaw	{"state":"QUEUED","attempt":0}
13	job.changed	1795275491518612	geoy3g3mszyyvjf4	job	bbey2dusj3q2dlfc	train	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.515099+00:00"}
14	job.changed	1795275491670090	geoy3g3mszyyvjf4	job	bbey2dusj3q2dlfc	train	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.667389+00:00"}
15	job.changed	1795275491712590	geoy3g3mszyyvjf4	job	bbey2dusj3q2dlfc	train	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.709448+00:00"}
16	job.created	1795275491727993	geoy3g3mszyyvjf4	job	w2af3gifenilmwdj	sh	kemrdli4ggurtvaw	{"state":"QUEUED","attempt":0}
17	job.changed	1795275491731469	geoy3g3mszyyvjf4	job	w2af3gifenilmwdj	sh	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.730836+00:00"}
18	job.changed	1795275491738492	geoy3g3mszyyvjf4	job	w2af3gifenilmwdj	sh	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.734793+00:00"}
19	job.changed	1795275491746069	geoy3g3mszyyvjf4	job	w2af3gifenilmwdj	sh	\N	{"state":"QUEUED","attempt":1,"reason":"user_error","message":"It ended with exit code 3.","owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.743156+00:00"}
20	job.changed	1795275491750735	geoy3g3mszyyvjf4	job	w2af3gifenilmwdj	sh	\N	{"state":"STARTING","attempt":2,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.749871+00:00"}
21	job.changed	1795275491755416	geoy3g3mszyyvjf4	job	w2af3gifenilmwdj	sh	\N	{"state":"RUNNING","attempt":2,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.753137+00:00"}
22	job.changed	1795275491757492	geoy3g3mszyyvjf4	job	w2af3gifenilmwdj	sh	\N	{"state":"FAILED","attempt":2,"reason":"user_error","message":"It ended with exit code 3.","owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.756863+00:00"}
23	job.created	1795275491770811	geoy3g3mszyyvjf4	job	k6fjtedcev5yii7g	sleep	kemrdli4ggurtvaw	{"state":"QUEUED","attempt":0}
24	job.changed	1795275491773939	geoy3g3mszyyvjf4	job	k6fjtedcev5yii7g	sleep	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.773308+00:00"}
25	job.changed	1795275491779880	geoy3g3mszyyvjf4	job	k6fjtedcev5yii7g	sleep	\N	{"state":"STOPPING","attempt":1,"reason":"stopped_by_user","message":"Stopping: asked to end.","owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.779857+00:00"}
26	job.changed	1795275491788178	geoy3g3mszyyvjf4	job	k6fjtedcev5yii7g	sleep	\N	{"state":"STOPPED","attempt":1,"reason":"stopped_by_user","message":"It was stopped.","owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.786744+00:00"}
27	job.created	1795275491805763	geoy3g3mszyyvjf4	job	iwvliybmhcm6qxtw	true	kemrdli4ggurtvaw	{"state":"QUEUED","attempt":0}
28	job.changed	1795275491811421	geoy3g3mszyyvjf4	job	iwvliybmhcm6qxtw	true	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.809468+00:00"}
29	job.changed	1795275491823880	geoy3g3mszyyvjf4	job	iwvliybmhcm6qxtw	true	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.816959+00:00"}
30	job.changed	1795275491829689	geoy3g3mszyyvjf4	job	iwvliybmhcm6qxtw	true	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"kemrdli4ggurtvaw","changed_at":"2026-11-21T15:38:11.828783+00:00"}
31	job.deleted	1795275491843478	geoy3g3mszyyvjf4	job	iwvliybmhcm6qxtw	true	kemrdli4ggurtvaw	{"state":"SUCCEEDED"}
32	job.created	1795275491851011	uupfzpxyf2r3bfbh	job	seb43nh2x2iqr5gu	true	o2jqfebnyjxergu5	{"state":"QUEUED","attempt":0}
33	job.changed	1795275491857796	uupfzpxyf2r3bfbh	job	seb43nh2x2iqr5gu	true	\N	{"state":"STARTING","attempt":1,"reason":null,"message":null,"owner":"o2jqfebnyjxergu5","changed_at":"2026-11-21T15:38:11.854625+00:00"}
34	job.changed	1795275491942342	uupfzpxyf2r3bfbh	job	seb43nh2x2iqr5gu	true	\N	{"state":"RUNNING","attempt":1,"reason":null,"message":null,"owner":"o2jqfebnyjxergu5","changed_at":"2026-11-21T15:38:11.939847+00:00"}
35	job.changed	1795275491945566	uupfzpxyf2r3bfbh	job	seb43nh2x2iqr5gu	true	\N	{"state":"SUCCEEDED","attempt":1,"reason":null,"message":null,"owner":"o2jqfebnyjxergu5","changed_at":"2026-11-21T15:38:11.944768+00:00"}
\.


--
-- Data for Name: idempotency; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.idempotency (person_id, key, fingerprint, made_id, at) FROM stdin;
kemrdli4ggurtvaw	once	8563fa9980b46d3485cce6461f01bb092489e7266a3ba8bc87842c8d095f9937	bbey2dusj3q2dlfc	1795275491508441
\.


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.jobs (id, project_id, name, labels, spec, version, created_at, created_by, updated_at, deleted_at) FROM stdin;
bbey2dusj3q2dlfc	geoy3g3mszyyvjf4	train	{"team":"vision"}	{"kind":"script","notebook":null,"script":"train.py","arguments":[],"command":[],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":"ea9530b7cff5e64382d4b99dd792d312acd8a5a8035d9aaa47a8f6d3b388f2ba","env":{},"secrets":["KEY"],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795275491508218	kemrdli4ggurtvaw	1795275491508218	\N
w2af3gifenilmwdj	geoy3g3mszyyvjf4	sh	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["sh","-c","echo no; exit 3"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"env":{},"secrets":[],"priority":0,"retries":1,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795275491727902	kemrdli4ggurtvaw	1795275491727902	\N
k6fjtedcev5yii7g	geoy3g3mszyyvjf4	sleep	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["sleep","600"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795275491770697	kemrdli4ggurtvaw	1795275491770697	\N
iwvliybmhcm6qxtw	geoy3g3mszyyvjf4	true	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["/bin/true"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795275491805638	kemrdli4ggurtvaw	1795275491805638	1795275491842799
seb43nh2x2iqr5gu	uupfzpxyf2r3bfbh	true	{}	{"kind":"command","notebook":null,"script":null,"arguments":[],"command":["/bin/true"],"parameters":{},"profile":"base","size":"small","environment":"base","requirements":null,"snapshot":null,"env":{},"secrets":[],"priority":0,"retries":0,"max_restarts":3,"time_limit_s":null,"permissions":[]}	1	1795275491850903	o2jqfebnyjxergu5	1795275491850903	\N
\.


--
-- Data for Name: links; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.links (from_id, to_id, kind) FROM stdin;
\.


--
-- Data for Name: members; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.members (project_id, kind, member, role) FROM stdin;
geoy3g3mszyyvjf4	person	kemrdli4ggurtvaw	owner
uupfzpxyf2r3bfbh	person	o2jqfebnyjxergu5	owner
e2fn75pvzreyjayi	person	kemrdli4ggurtvaw	owner
e2fn75pvzreyjayi	person	o2jqfebnyjxergu5	viewer
e2fn75pvzreyjayi	group	chemistry	editor
zjg3foisx5zf5ijk	person	kemrdli4ggurtvaw	owner
\.


--
-- Data for Name: metrics; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.metrics (id, workload_id, attempt, name, step, value, at) FROM stdin;
1	bbey2dusj3q2dlfc	1	accuracy	0	0.5	1795275491690173
2	bbey2dusj3q2dlfc	1	accuracy	1	0.75	1795275491690952
\.


--
-- Data for Name: objects; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.objects (project_id, digest, size, created_at) FROM stdin;
geoy3g3mszyyvjf4	934fa8ef6ab846074eb21ea379e6ade1ecd58efa75ff4f80d2de098d1702309d	173	1795275491486300
geoy3g3mszyyvjf4	ea9530b7cff5e64382d4b99dd792d312acd8a5a8035d9aaa47a8f6d3b388f2ba	137	1795275491496709
geoy3g3mszyyvjf4	44e86eb38ff9b065a1e805dd61f624e334a4296479e4be43c354ca8af90b0340	6	1795275491704030
\.


--
-- Data for Name: outputs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.outputs (workload_id, attempt, path, size, digest) FROM stdin;
bbey2dusj3q2dlfc	1	result.txt	6	44e86eb38ff9b065a1e805dd61f624e334a4296479e4be43c354ca8af90b0340
\.


--
-- Data for Name: people; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.people (id, name, hub_created, number, groups, created_at) FROM stdin;
kemrdli4ggurtvaw	ada	2026-11-21T15:38:10.891641Z	1	[]	1795275491136270
o2jqfebnyjxergu5	bob	2026-11-21T15:38:11.299289Z	2	[]	1795275491367261
\.


--
-- Data for Name: projects; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.projects (id, name, title, description, labels, personal_of, number, version, created_at, created_by, updated_at, deleted_at) FROM stdin;
geoy3g3mszyyvjf4	ada			{}	kemrdli4ggurtvaw	1	1	1795275491184722	kemrdli4ggurtvaw	1795275491184722	\N
uupfzpxyf2r3bfbh	bob			{}	o2jqfebnyjxergu5	2	1	1795275491401568	o2jqfebnyjxergu5	1795275491401568	\N
e2fn75pvzreyjayi	shared	Shared		{}	\N	3	1	1795275491409012	kemrdli4ggurtvaw	1795275491409012	\N
zjg3foisx5zf5ijk	gone			{}	\N	4	1	1795275491456904	kemrdli4ggurtvaw	1795275491456904	1795275491467383
\.


--
-- Data for Name: secrets; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.secrets (project_id, name, value, updated_at, updated_by) FROM stdin;
geoy3g3mszyyvjf4	KEY	\\x67414141414142724162726a536c54506e4d646a79636e5a5336687648546b55794d70496c385a434d5344534d614b5153316649546361746653586e37704d49584d554e6e55415730774555417054666638773267343538636666345f4a4e4f4d673d3d	1795275491443586	kemrdli4ggurtvaw
\.


--
-- Data for Name: tokens; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.tokens (id, person_id, hash, note, scopes, project_id, created_at, expires_at, deleted_at) FROM stdin;
tv7kp55sbafae7t7	kemrdli4ggurtvaw	11147068118275fbf0afa526205de7caeaffea9de1a3af9fa8edd10aa536e781	tests	["write"]	\N	1795275491145769	1797867491145769	\N
sqndg2npadeton72	o2jqfebnyjxergu5	4c83db2cc89aa0b762717494d6ebbb37ad71f9860a7ec7b6d7e9ec2e44c5931f	tests	["write"]	\N	1795275491373112	1797867491373112	\N
ymaeig4p4qcixvhg	kemrdli4ggurtvaw	8f18b8eaa0ce1b835c28173d48f5b062219d3ee26b618aee624400e6535278dd	a note	["read"]	\N	1795275491450083	1797867491450083	\N
\.


--
-- Data for Name: workloads; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.workloads (id, kind, name, project_id, person_id, spec, needs_id, priority, state, attempt, reason, message, machine, devices, restarts, tries, created_at, queued_at, started_at, ended_at) FROM stdin;
bbey2dusj3q2dlfc	job	train	geoy3g3mszyyvjf4	kemrdli4ggurtvaw	{"environment":"base","overlay":null,"snapshot":"ea9530b7cff5e64382d4b99dd792d312acd8a5a8035d9aaa47a8f6d3b388f2ba","task":{"kind":"script","snapshot":true,"command":["train.py"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":["KEY"],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795275491508308	1795275491508308	1795275491667389	1795275491709448
w2af3gifenilmwdj	job	sh	geoy3g3mszyyvjf4	kemrdli4ggurtvaw	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["sh","-c","echo no; exit 3"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":1,"max_restarts":3}	\N	0	FAILED	2	user_error	It ended with exit code 3.	vm	{}	0	1	1795275491727966	1795275491743156	1795275491753137	1795275491756863
k6fjtedcev5yii7g	job	sleep	geoy3g3mszyyvjf4	kemrdli4ggurtvaw	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["sleep","600"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	STOPPED	1	stopped_by_user	It was stopped.	vm	{}	0	0	1795275491770775	1795275491770775	1795275491776423	1795275491786744
iwvliybmhcm6qxtw	job	true	geoy3g3mszyyvjf4	kemrdli4ggurtvaw	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["/bin/true"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795275491805724	1795275491805724	1795275491816959	1795275491828783
seb43nh2x2iqr5gu	job	true	uupfzpxyf2r3bfbh	o2jqfebnyjxergu5	{"environment":"base","overlay":null,"snapshot":null,"task":{"kind":"command","snapshot":false,"command":["/bin/true"]},"reserve":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"limit":{"cpus":1.0,"memory_bytes":1073741824,"devices":{}},"variables":{},"secrets":[],"permissions":[],"time_limit_s":null,"retries":0,"max_restarts":3}	\N	0	SUCCEEDED	1	\N	\N	vm	{}	0	0	1795275491850978	1795275491850978	1795275491939847	1795275491944768
\.


--
-- Name: metrics_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.metrics_id_seq', 2, true);


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
-- Name: events pk_events; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (id);


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
-- Name: workloads pk_workloads; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workloads
    ADD CONSTRAINT pk_workloads PRIMARY KEY (id);


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
-- Name: ix_events_project; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_events_project ON public.events USING btree (project_id, id);


--
-- Name: ix_events_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_events_subject ON public.events USING btree (subject_id, id);


--
-- Name: ix_idempotency_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_idempotency_at ON public.idempotency USING btree (at);


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
-- Name: ix_workloads_project; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_workloads_project ON public.workloads USING btree (project_id, kind, created_at);


--
-- Name: ix_workloads_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_workloads_state ON public.workloads USING btree (state);


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
-- PostgreSQL database dump complete
--

\unrestrict xNFUgfBeJw7HxJU9jPijsWbLrsONOio6uqqYNVeKmsgjrOVoYOkVKqAmjJvLemz

