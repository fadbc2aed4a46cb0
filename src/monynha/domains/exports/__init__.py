"""Exports of one's own data: a ZIP file of JSON documents and files, written by a job.

data_exports  requests, reads and cleans up exports, and the handler of the job. Start reading here.
documents     what is somebody's own, as JSON
zip_stream    a ZIP file that is written while it is sent
http          the endpoints
policies.sql  who may read the file of an export
"""
