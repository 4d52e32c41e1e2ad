/**
 * The shapes that the panels work with. What the service's API speaks comes from its OpenAPI document
 * (schema.ts, made by `npm run generate`); what the document leaves open is said here.
 */

import type { components } from './schema';

type Schemas = components['schemas'];

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export type Attempt = Schemas['Attempt'];
export type JobSpec = Schemas['JobSpec'];
export type JobState = Schemas['JobStatus']['state'];
export type MlflowCode = Schemas['PagesCode'];
export type Overlay = Required<Schemas['Overlay']>;
export type OutputFile = Schemas['OutputFile'];
export type Profile = Schemas['ProfileShown'];
export type Project = Schemas['Project'];
export type Rank = Schemas['Rank'];
export type QueuePlace = Schemas['Queue'];
export type Size = Schemas['SizeShown'];
export type Whoami = Schemas['WhoAmI'];

/** What a runner says of how far it is (docs/architecture.md, runner protocol). */
export interface Progress {
  cell?: number;
  cells?: number;
  message?: string | null;
  fraction?: number;
}

/** An answer holds every field of a status; only the document's defaults make them optional. */
export type JobStatus = Omit<Required<Schemas['JobStatus']>, 'progress'> & { progress: Progress | null };
export type Job = Omit<Schemas['Job'], 'status'> & { status: JobStatus };

export interface MetricSeries {
  name: string;
  /** [step, value, seconds since the epoch]; a value that is not finite is null. */
  points: [number, number | null, number][];
}

export interface Page<T> {
  items: T[];
  next_page_token?: string | null;
}

export interface FieldError {
  field: string;
  message: string;
}

export type PlatformEvent = Schemas['EventShown'];

/** What the live channel sends; `topic` is missing only where a message belongs to none. */
export type LiveMessage =
  | { type: 'ready' }
  | { type: 'event'; topic: string; event: PlatformEvent }
  | { type: 'progress'; topic: string; data: Progress & { id?: string; state?: string } }
  | { type: 'ranks'; topic: string; id: string }
  | { type: 'metrics'; topic: string; items: [string, number, number | null, number][]; data?: undefined }
  | { type: 'metrics'; topic: string; items?: undefined; data: EndpointMetrics }
  | { type: 'log'; topic: string; offset: number; text: string }
  | { type: 'queue'; topic: string; items: { [job: string]: QueuePlace } }
  | { type: 'trial'; topic: string; trial: TrialNews }
  | { type: 'error'; topic?: string; error?: { code: string; message: string } };

/** A JSON schema as forms need it. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  enum?: Json[];
  minimum?: number;
  maximum?: number;
  properties?: { [name: string]: Schema };
  required?: string[];
}

/** What the notebook server says about a file that can run as a job. */
export interface Runnable {
  path: string;
  kind: 'notebook' | 'script';
  kernel: { name: string; display_name: string; language: string } | null;
  parameters: Schema;
  /** The names that its code asks for. */
  inputs: string[];
  cells: number;
  requirements: { name: string; size: number } | null;
}

export interface SentSnapshot {
  digest: string;
  files: number;
  size: number;
  sent: number;
  /** The path of the requirements.txt in it, where there is one. */
  requirements: string | null;
}

/** What a dataset would get of files and folders of the notebook server. */
export interface LabFiles {
  files: number;
  size: number;
  /** Links, and what is neither a file nor a folder. */
  left_out: number;
}

/** How far files of the notebook server are on their way into a draft. */
export interface Filling {
  files: number;
  size: number;
  files_done: number;
  size_done: number;
}

export type Lineage = Schemas['Graph'];

export type Dataset = Schemas['Dataset'];
export type DatasetVersion = Schemas['Version'];
export type DatasetFiles = Schemas['FileList'];
export type DatasetDiff = Schemas['Diff'];
export type DatasetCheck = Schemas['Check'];
export type DatasetDraft = Schemas['Draft'];
export type DatasetImport = Schemas['Import'];
export type Preview = Schemas['Preview'];
export type PreviewShown = Schemas['PreviewShown'];
export type PreviewTable = Schemas['Table'];
export type PreviewColumn = Schemas['Column'];
export type PreviewImages = Schemas['Images'];

/** Where a version's files lie, read-only: in notebook servers, and in jobs. */
export interface Checkout {
  path: string;
  job_path: string;
}

export type Experiment = Schemas['Experiment'];
export type ExperimentSpec = Schemas['ExperimentSpec'];
export type ExperimentState = Schemas['ExperimentStatus']['state'];
export type SearchParameter = Schemas['Parameter'];
export type Trial = Schemas['Trial'];
export type TrialState = Trial['state'];
export type SearchPlot = Schemas['Plot'];

/** What the live channel says of a trial as it changes. */
export type TrialNews = Pick<Trial, 'number' | 'state' | 'parameters' | 'values' | 'job_id'>;

export type Model = Schemas['Model'];
export type ModelVersion = Schemas['ModelVersion'];
export type ModelCard = Schemas['Card'];
export type Evaluation = Schemas['Evaluation'];
export type Tensor = Schemas['Tensor'];

export type Endpoint = Schemas['Endpoint'];
export type EndpointState = Schemas['EndpointStatus']['state'];
export type EndpointRevision = Schemas['EndpointRevision'];
export type EndpointExample = Schemas['EndpointExample'];
export type EndpointMetrics = Schemas['EndpointMetrics'];
export type EndpointToken = Schemas['EndpointToken'];
export type NewEndpointToken = Schemas['NewEndpointToken'];
